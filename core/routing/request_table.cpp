#include "reki/core/routing/request_table.hpp"

#include <string>

#include "reki/core/base/assert.hpp"

namespace reki {

RequestTable::RequestTable(std::size_t outstanding_max) : outstanding_max_(outstanding_max) {
  REKI_ASSERT(outstanding_max <= limits::outstanding_per_client_max);
}

RequestTable::~RequestTable() {
  for_each([this](RoutedRequest& request) {
    request.unlink_queue();
    static_cast<void>(release(request));
  });
  while (next_done()) {
  }
}

bool RequestTable::add(RoutedRequest* request, Instant at) {
  if (!request->progress.asks_for_view) {
    if (outstanding_ >= outstanding_max_) {
      request->fail(Error{ErrorCode::overloaded, std::to_string(outstanding_) + " requests are outstanding here"});
      request->progress.state = RoutedRequest::State::done;
      done_.push_back(*request);
      return false;
    }
    ++outstanding_;
  }
  request->progress.id = ids_.add(request);
  timers_.add(*request, at);
  return true;
}

void RequestTable::forget(RoutedRequest& request) {
  timers_.remove(request);
  ids_.remove(request.progress.id);
  request.progress.state = RoutedRequest::State::done;
}

void RequestTable::finish(RoutedRequest& request) {
  forget(request);
  --outstanding_;
  done_.push_back(request);
}

std::unique_ptr<RoutedRequest> RequestTable::release(RoutedRequest& request) {
  forget(request);
  return std::unique_ptr<RoutedRequest>{&request};
}

std::unique_ptr<RoutedRequest> RequestTable::next_done() {
  if (done_.empty()) return nullptr;
  RoutedRequest& request = done_.front();
  request.unlink_queue();
  return std::unique_ptr<RoutedRequest>{&request};
}

}  // namespace reki
