#include "generated.hpp"

#include <algorithm>
#include <stdexcept>

using namespace reki;
using namespace reki::history;

Generated::Generated(const Options& options) : options_(options), random_(options.seed), clients_(options.clients) {
  for (std::size_t i = 0; i < clients_.size(); ++i) clients_[i].operation.client = static_cast<std::uint32_t>(i);
  while (recorded_.size() < options.operations) {
    now_ += static_cast<std::int64_t>(random_() % 3);
    if (chance(25))
      key_step();
    else
      client_step(clients_[random_() % clients_.size()]);
  }
  for (Client& client : clients_) {
    if (!client.busy) continue;
    client.operation.answer = Answer::unknown;
    client.operation.fence = {};
    record(client);
  }
}

void Generated::client_step(Client& client) {
  if (!client.busy) return invoke(client);
  if (client.answered) {
    client.operation.returned = Instant{now_};
    return record(client), leave(client);
  }
  if (options_.unknowns && chance(5)) {
    client.operation.answer = Answer::unknown;
    record(client);
    if (client.joined)
      ghost_waits_ = true;
    else
      ghosts_.push_back(client.operation);
    client.retry = options_.retries && client.operation.call == Call::lookup_or_start && chance(70);
    return leave(client);
  }
  if (!client.joined) take_effect(client);
}

void Generated::invoke(Client& client) {
  Operation& o = client.operation;
  if (!client.retry) {
    constexpr Call calls[] = {Call::lookup_or_start, Call::lookup_or_start, Call::lookup, Call::lookup, Call::stop};
    o.call = calls[random_() % 5];
    o.request = chance(80) ? ++requests_ : 0;
    client.retry = false;
  }
  o.answer = Answer::unknown;
  o.fence = {};
  o.invoked = Instant{now_};
  o.returned = Instant::never();
  client.busy = true;
}

void Generated::take_effect(Client& client) {
  Operation& o = client.operation;
  if (chance(3)) {
    o.answer = Answer::failed_unexecuted;
    client.answered = true;
    return;
  }
  if (o.call != Call::stop) return look(client);
  if (phase_ == Phase::idle) {
    o.answer = Answer::not_running;
    client.answered = true;
    return;
  }
  client.joined = true;
  phase_ = Phase::stopping;
}

void Generated::look(Client& client) {
  Operation& o = client.operation;
  if (phase_ == Phase::live) {
    const bool own = o.call == Call::lookup_or_start && starter_ && o.request != 0 && starter_->request == o.request &&
                     starter_->client == o.client;
    o.answer = own ? Answer::started : Answer::running;
    o.fence = fence_;
  } else if (o.call == Call::lookup) {
    o.answer = Answer::not_running;
  } else if (phase_ == Phase::idle) {
    begin(&o);
    o.answer = Answer::started;
    o.fence = fence_;
  }
  client.answered = o.answer != Answer::unknown;
}

void Generated::leave(Client& client) {
  client.busy = client.joined = client.answered = false;
  if (client.operation.answer != Answer::unknown) client.retry = false;
}

void Generated::key_step() {
  const bool faults = options_.faults == Faults::allowed;
  const bool joined = ghost_waits_ || std::ranges::any_of(clients_, &Client::joined);
  if (phase_ == Phase::stopping && (faults || joined)) return end();
  if (!ghosts_.empty() && chance(30)) {
    const std::size_t which = random_() % ghosts_.size();
    Operation ghost = ghosts_[which];
    ghosts_.erase(ghosts_.begin() + static_cast<std::ptrdiff_t>(which));
    if (ghost.call == Call::lookup_or_start && phase_ == Phase::idle) begin(&ghost);
    if (ghost.call == Call::stop && phase_ == Phase::live) end();
    return;
  }
  if (!faults) return;
  if (phase_ == Phase::live && chance(20)) phase_ = Phase::stopping;
  if (phase_ == Phase::idle && chance(20)) begin(nullptr);
}

void Generated::begin(Operation* starter) {
  phase_ = Phase::live;
  const bool moved = options_.faults == Faults::allowed && chance(10);
  if (moved)
    fence_ = Fence::make(Epoch{fence_.epoch().value + 1}, StartNumber{1});
  else
    fence_ = Fence{fence_.value + 1 + random_() % 3};
  starter_.reset();
  if (starter != nullptr) starter_ = *starter;
}

void Generated::end() {
  phase_ = Phase::idle;
  ghost_waits_ = false;
  for (Client& client : clients_) {
    if (!client.joined) continue;
    client.joined = false;
    client.answered = true;
    client.operation.answer = Answer::stopped;
    client.operation.fence = chance(10) ? Fence{} : fence_;
  }
}

void Generated::record(const Client& client) { recorded_.push_back(client.operation); }

History history_of(const std::vector<Operation>& operations) {
  History out;
  (void)out.key("k");
  std::uint32_t clients = 0;
  for (const Operation& o : operations) {
    while (clients <= o.client) clients = out.new_client("c" + std::to_string(clients)) + 1;
    if (const auto added = out.add(o); !added) throw std::invalid_argument(added.error().text);
  }
  return out;
}
