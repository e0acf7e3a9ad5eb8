#pragma once

#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reki/core/base/hash.hpp"
#include "reki/core/routing/request_router.hpp"

/// A `RequestRouter` whose peers do what a test says, step by step, on virtual time.
namespace router_test {

using namespace reki;
using namespace std::chrono_literals;
using wire::Op;

struct Sent {
  PeerIndex peer;
  RequestId id;
  Op op{};
  std::string key;
  std::uint32_t remaining_ms = 0;
};

/// Three nodes n1..n3 in a fixed view, sockets that take everything (unless told otherwise), and virtual time.
struct Fixture {
  Fixture() : Fixture(RequestRouter::Options{}) {}
  explicit Fixture(const RequestRouter::Options& options) : out(options) { out.set_view(make_view(1, {"n1", "n2", "n3"}), now); }

  static std::shared_ptr<const View> make_view(std::uint32_t epoch, const std::vector<std::string>& nodes) {
    std::vector<Member> members;
    for (const auto& n : nodes) members.push_back({NodeId{n}, Incarnation{}, "tcp://127.0.0.1:70" + n.substr(1) + "0", 1, {}, MemberState::up});
    const auto fixed = fixed_view("test", 1, members).value();
    return std::make_shared<const View>(View::make({"test", Epoch{epoch}, Term{}, NodeId{}, 1}, members, fixed.table()).value());
  }
  std::string owner(const std::string& key) const {
    return out.view()->owner(slot_of(hash_key(key, hash_type("t", 1))))->node_id.value;
  }
  std::string key_of(const std::string& node) const {
    for (int i = 0;; ++i) {
      if (owner("k" + std::to_string(i)) == node) return "k" + std::to_string(i);
    }
  }

  std::unique_ptr<RoutedRequest> make(Op op, const std::string& key, Duration timeout = 1s) const {
    auto r = std::make_unique<RoutedRequest>();
    r->op = op;
    r->type = "t";
    r->key = key;
    if (op == Op::call || op == Op::send) r->message = "m";
    r->deadline = now + timeout;
    return r;
  }
  void submit(Op op, const std::string& key, Duration timeout = 1s) { out.submit(make(op, key, timeout), now); }

  /// Sends everything that is due and says WELCOME to every HELLO, if `auto_welcome`.
  void pump() {
    for (bool again = true; again;) {
      again = false;
      std::vector<PeerIndex> peers;
      out.take_work(peers);
      for (const PeerIndex p : peers) {
        if (blocked.contains(p.value)) continue;
        for (BytesView frame = out.next_frame(p, now); !frame.empty(); frame = out.next_frame(p, now)) {
          again = true;
          take(p, frame);
        }
      }
      while (auto r = out.next_done()) {
        if (now > r->deadline + 2ms) ++late;
        done.push_back(std::move(r));
      }
    }
  }
  void take(PeerIndex p, BytesView frame) {
    const auto kind = wire::kind_of(frame).value();
    if (kind == wire::FrameKind::hello) {
      ++hellos;
      ++hellos_to[node(p)];
    } else if (kind == wire::FrameKind::ping) {
      ++pings;
    } else {
      ++batches;
      for (const Sent& r : requests_in(p, frame)) (r.op == Op::view ? polls : sent).push_back(r);
    }
    out.taken(p, true);
    if (kind == wire::FrameKind::hello && auto_welcome) welcome(p);
  }
  static std::vector<Sent> requests_in(PeerIndex p, BytesView frame) {
    std::vector<Sent> all;
    auto reader = wire::RequestReader::open(frame).value();
    wire::Request r;
    while (reader.next(r).value() == wire::Next::good) all.push_back({p, r.id, r.op, std::string{r.key}, r.remaining_ms});
    return all;
  }
  std::string node(PeerIndex p) const { return out.peer(p).node ? out.peer(p).node->value : std::string{}; }
  void welcome(PeerIndex p) {
    const std::string name = node(p);
    out.welcomed(p, {1, "test", name, incarnations[p.value], Epoch{1}}, now);
  }
  /// On virtual time, as a shell would: never later than next_wake().
  void run(Duration d) {
    const Instant end = now + d;
    while (now < end) {
      now = std::min(end, std::max(out.next_wake(), now + 100us));
      out.tick(now);
      pump();
    }
  }
  Sent last() const {
    BOOST_REQUIRE(!sent.empty());
    return sent.back();
  }
  struct How {
    std::string owner{};
    std::string text{};
    Fence fence{7};
    Epoch epoch{1};
    Incarnation incarnation{};  ///< 0: the one that said WELCOME.
  };
  void reply(const Sent& to, ErrorCode code, const std::string& owner = {}) { reply_as(to, code, How{.owner = owner}); }
  void reply_as(const Sent& to, ErrorCode code, const How& how) {
    wire::Reply r;
    r.id = to.id;
    r.code = code;
    r.owner = how.owner;
    r.text = how.text;
    r.fence = code == ErrorCode::ok ? how.fence : Fence{};
    const Incarnation from = how.incarnation.value != 0 ? how.incarnation : incarnations[to.peer.value];
    out.replied(to.peer, {how.epoch, from, 1}, r, now);
    pump();
  }
  /// The one outcome there is.
  ErrorCode only_outcome() const {
    BOOST_REQUIRE(done.size() == 1U);
    BOOST_TEST_MESSAGE(name_of(done[0]->outcome.code) << ": " << done[0]->outcome.text);
    return done[0]->outcome.code;
  }

  Instant now{5'000'000'000};
  RequestRouter out;
  std::map<std::uint32_t, Incarnation> incarnations{{0, Incarnation{100}}, {1, Incarnation{101}}, {2, Incarnation{102}}};
  std::set<std::uint32_t> blocked;
  bool auto_welcome = true;
  std::vector<Sent> sent;   // but the questions for a view
  std::vector<Sent> polls;  // those
  int hellos = 0;
  std::map<std::string, int> hellos_to;
  int pings = 0;
  int batches = 0;
  int late = 0;  // done after their deadline
  std::vector<std::unique_ptr<RoutedRequest>> done;
};

}  // namespace router_test
