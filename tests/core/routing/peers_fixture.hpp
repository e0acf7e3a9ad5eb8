#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "reki/core/routing/router_peers.hpp"

/// Peers and requests for the tests of the parts of a RequestRouter, without one.
namespace router_test {

using namespace reki;
using namespace std::chrono_literals;
using wire::Op;

/// A view of nodes n1, n2, ...
inline std::shared_ptr<const View> view_of(std::uint32_t epoch, int nodes, Term term = Term{1},
                                           const std::string& cluster = "test") {
  std::vector<Member> members;
  for (int i = 1; i <= nodes; ++i) {
    const std::string id = "n" + std::to_string(i);
    members.push_back({NodeId{id},
                       Incarnation{static_cast<std::uint64_t>(100 + i)},
                       "tcp://127.0.0.1:70" + std::to_string(i) + "0",
                       1,
                       {},
                       MemberState::up});
  }
  const auto table = fixed_view("test", 1, members).value().table();
  return std::make_shared<const View>(
      View::make({cluster, Epoch{epoch}, term, NodeId{"n1"}, 1}, members, table).value());
}

struct PeersFixture {
  explicit PeersFixture(int nodes = 3) { static_cast<void>(peers.seat(view_of(1, nodes))); }
  /// Of node n<i>.
  RouterPeer& peer(int i) { return peers[peers.members()[static_cast<std::size_t>(i - 1)]]; }
  void connect(int i) {
    peer(i).session.want();
    peer(i).session.hello_sent(now);
    static_cast<void>(peer(i).session.welcomed(Incarnation{static_cast<std::uint64_t>(100 + i)}, now));
  }
  RoutedRequest& request(Op op = Op::lookup, Duration timeout = 1s) {
    RoutedRequest& r = *requests.emplace_back(std::make_unique<RoutedRequest>());
    r.op = op;
    r.type = "t";
    r.key = "k" + std::to_string(requests.size());
    if (wire::is_message(op)) r.message = "m";
    r.deadline = now + timeout;
    r.progress.id = RequestId{requests.size()};
    return r;
  }
  /// The keys of those in the queue, which is empty then.
  static std::string drain(RequestQueue& queue) {
    std::string keys;
    while (!queue.empty()) {
      keys += (keys.empty() ? "" : " ") + std::string{queue.front().key.view()};
      queue.front().unlink_queue();
    }
    return keys;
  }
  ~PeersFixture() {
    for (auto& r : requests) r->unlink_queue();
  }
  PeersFixture(const PeersFixture&) = delete;
  PeersFixture& operator=(const PeersFixture&) = delete;

  Instant now{5'000'000'000};
  RouterPeers peers{PeerSession::Options{}};
  std::vector<std::unique_ptr<RoutedRequest>> requests;
};

}  // namespace router_test
