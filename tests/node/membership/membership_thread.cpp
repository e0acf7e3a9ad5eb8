#include "reki/node/membership/membership_thread.hpp"

#include <future>

#include "reki/net/clock.hpp"
#include "reki/node/membership/agent_options.hpp"
#include "test_members.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

/// The only member of a cluster, without what makes it a node. The membership thread stands still from the moment of
/// the first lease on, until this goes.
class HeldUp final : private MembershipObserver {
 public:
  HeldUp() {
    const Config& config = cluster_.config;
    const NodeConfig& self = config.nodes.front();
    auto dir = DataDir::open(self.data_dir, config.cluster, self.id);
    BOOST_REQUIRE_MESSAGE(dir.has_value(), test::why(dir));
    dir_.emplace(std::move(*dir));
    auto store = VoterStore::open(*dir_, 1);
    BOOST_REQUIRE_MESSAGE(store.has_value(), test::why(store));
    store_.emplace(std::move(*store));
    MembershipThread::Options options;
    options.listen = self.control;
    options.cluster = config.cluster;
    options.machine.agent = agent_options(config, self, "tcp://127.0.0.1:1", 1);
    options.machine.voter = store_->record();
    options.page = &page;
    auto bound = MembershipThread::bind(std::move(options), *this, &*store_);
    BOOST_REQUIRE_MESSAGE(bound.has_value(), test::why(bound));
    thread = std::move(*bound);
    thread->start();
  }
  ~HeldUp() { go_on_.set_value(); }

  std::promise<void> has_lease;
  LeasePage page;

 private:
  void installed(const std::shared_ptr<const View>&, Incarnation) override {}
  void lost(const SlotSet&) override {}
  bool is_done_with(const SlotSet&) override { return true; }
  void revoke(const SlotSet&) override {}
  void gained(const SlotSet&, Epoch) override {}
  void fenced(Incarnation) override {}
  void granted() override {}
  void resumed() override {
    if (std::exchange(was_held_up_, true)) return;
    has_lease.set_value();
    go_on_.get_future().wait();
  }
  std::string stuck(Instant, Duration) override { return {}; }
  bool is_quiet() override { return true; }

  test::Members cluster_{1};
  std::optional<DataDir> dir_;
  std::optional<VoterStore> store_;
  bool was_held_up_ = false;
  std::promise<void> go_on_;

 public:
  std::unique_ptr<MembershipThread> thread;  // ends before what it uses
};

}  // namespace

BOOST_AUTO_TEST_SUITE(membership_thread)

BOOST_AUTO_TEST_CASE(who_leaves_in_the_moment_of_the_first_lease_waits_until_all_is_handed_over) {
  HeldUp node;
  BOOST_REQUIRE((node.has_lease.get_future().wait_for(20s) == std::future_status::ready));
  const Instant limit = boot_time() + 100ms;
  BOOST_TEST(!node.thread->leave(100ms));
  BOOST_TEST((boot_time() >= std::min(limit, node.page.lease_end())));
}

BOOST_AUTO_TEST_SUITE_END()
