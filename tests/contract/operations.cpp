#include "operations.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "reki/core/base/random.hpp"

namespace reki::contract {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class Generator {
 public:
  Generator(std::uint64_t seed, std::uint32_t operations)
      : random_(SplitMix(seed).next() ^ 0x5eed), operations_(operations) {
    out_.seed = seed;
    out_.order = SplitMix(seed).next();
  }

  Story story() {
    out_.keys = 1 + below(1 + below(9));  // mostly few, on which much comes together
    for (TypeOptions& options : out_.types) options = type_options();
    out_.types[blocking_type].blocking = true;
    // A few seeds have all there is, most have a part.
    const std::uint32_t part = 1 + below(4);
    for (std::size_t kind = 0; kind < static_cast<std::size_t>(Kind::slot_returns); ++kind) {
      const bool is_rare = kind >= static_cast<std::size_t>(Kind::next_slot);
      if (kind == static_cast<std::size_t>(Kind::start_over) && !once_in(4))
        continue;  // takes as long as a hundred others
      const std::uint32_t weight = below(4) < part ? (is_rare ? 1 : 3 + 2 * below(6)) : 0;
      for (std::uint32_t i = 0; i < weight; ++i) kinds_.push_back(static_cast<Kind>(kind));
    }
    for (const Kind kind : {Kind::lookup_or_start, Kind::call}) kinds_.push_back(kind);
    does_ = some_bits(does_count, part);
    plan_ = some_bits(plan_count, part);
    wire_ = below(3);
    hasty_ = below(2) == 0;
    eager_ = 1 + below(4);
    const std::uint32_t count = operations_ + below(operations_ / 20 + 1);
    while (out_.operations.size() < count) out_.operations.push_back(next());
    return std::move(out_);
  }

 private:
  std::uint32_t below(std::uint64_t bound) { return static_cast<std::uint32_t>(random_.below(bound)); }
  bool once_in(std::uint32_t times) { return below(times) == 0; }
  std::uint32_t some_bits(std::uint32_t count, std::uint32_t part) {
    std::uint32_t out = 0;
    for (std::uint32_t bit = 0; bit < count; ++bit) out |= below(4) < part ? 1U << bit : 0;
    return out;
  }
  /// None, one or a few of those that this seed has.
  std::uint32_t few_of(std::uint32_t bits, std::uint32_t none_in) {
    if (bits == 0 || !once_in(none_in)) return 0;
    std::uint32_t out = 0;
    for (std::uint32_t tries = 1 + below(3); tries > 0; --tries) out |= bits & 1U << below(32 - std::countl_zero(bits));
    return out;
  }

  TypeOptions type_options() {
    TypeOptions out;
    out.restart.mode = static_cast<RestartMode>(below(3));
    out.restart.max_restarts = below(5);
    out.restart.backoff_initial = milliseconds(1 + below(20));
    out.restart.backoff_max = out.restart.backoff_initial + milliseconds(below(100));
    out.restart.period = milliseconds(20 + below(500));
    if (once_in(3)) out.idle = milliseconds(5 + below(60));
    if (once_in(3)) out.cap = 1 + below(2);
    if (once_in(3)) out.mailbox = 1 + below(4);
    if (once_in(2)) out.stop_grace = microseconds(1000 + below(10'000));
    return out;
  }

  /// One that was to follow by now, or any.
  Operation next() {
    const auto number = static_cast<std::uint32_t>(out_.operations.size());
    if (follow_.empty() || follow_.begin()->first > number)
      return operation(number, kinds_[below(kinds_.size())], below(out_.keys), true);
    const Followed followed = follow_.begin()->second;
    follow_.erase(follow_.begin());
    Operation o = operation(number, followed.kind, followed.key, false);
    if (followed.closely) {
      o.pause_us = 0;
      o.plan |= plan_ & below(1U << plan_count) &
                (Plan::start_slow | Plan::start_sends | Plan::stop_slow | Plan::stop_sends | Plan::saves);
      o.does |= does_ & below(1U << does_count) &
                (Does::meanwhile | Does::takes_long | Does::ends_late | Does::sends | Does::leaves);
    }
    return o;
  }
  /// What is begun just before the lease ends, and what becomes of it then.
  void follow_closely(Operation& o) {
    o.amount_us = below(40);
    for (std::uint32_t in = 1; in <= 3; ++in) {
      const std::uint32_t key = below(out_.keys);
      follow_.emplace(o.number + in, Followed{once_in(2) ? Kind::call : Kind::lookup_or_start, key, true});
      if (once_in(2)) follow_.emplace(o.number + 4, Followed{Kind::next_slot, key, once_in(2)});
    }
  }
  /// Slots and leases mostly come back, or next to nothing would happen any more.
  void see_to_return(Operation& o) {
    const auto follow = [&](std::uint32_t in, Kind kind, std::uint32_t key) {
      follow_.emplace(o.number + in, Followed{kind, key, false});
    };
    const auto bring_back = [&](std::uint32_t key) {
      for (std::uint32_t step = 1; step <= 4; ++step) follow(step * (1 + below(6)), Kind::slot_returns, key);
    };
    if (once_in(8)) return;
    if (o.kind == Kind::next_slot) bring_back(o.key);
    if (o.kind == Kind::end_lease) follow(2 + below(20), Kind::resume_lease, o.key);
    if (o.kind != Kind::start_over) return;
    follow(1 + below(10), Kind::resume_lease, o.key);
    for (std::uint32_t key = 0; key < out_.keys; ++key) bring_back(key);
  }

  Operation operation(std::uint32_t number, Kind kind, std::uint32_t key, bool is_first) {
    Operation o;
    o.number = number;
    o.kind = kind;
    o.key = key;
    const bool may_be_wire =
        o.kind <= Kind::send || o.kind == Kind::pinned_stop || o.kind == Kind::list || o.kind == Kind::count_keys;
    if (may_be_wire && below(3) < wire_) o.caller = 1 + below(3);
    o.joins = once_in(2);
    o.with_args = !once_in(3);
    o.sends = once_in(2);
    o.fail_if_restarting = once_in(4);
    o.no_reply = once_in(8);
    o.then_start = once_in(4);
    o.plan = few_of(plan_, 3);
    if (once_in(2)) o.plan |= plan_ & Plan::saves;
    // What is saved and comes back together comes up seldom by itself.
    if (once_in(8)) o.plan |= plan_ & (Plan::saves | Plan::restore_throws | Plan::restore_fails);
    if (once_in(6)) o.plan |= plan_ & Plan::stop_meanwhile;
    o.does = few_of(does_, 2);
    o.amount_us = once_in(12) ? 1000 + below(30'000) : below(900);
    o.to = below(out_.keys);
    o.then_does = few_of(does_ & ~(Does::meanwhile | does_block), 3);
    o.timeout_us = hasty_ && once_in(3) ? 200 + below(15'000) : 20'000 + below(200'000);
    o.pause_us = pause();
    if (o.kind == Kind::repeat) choose_repeated(o);
    if (is_first && o.kind == Kind::end_lease && !once_in(3)) follow_closely(o);
    if (is_first) see_to_return(o);
    return o;
  }
  std::uint32_t pause() {
    if (below(8) < eager_) return 0;
    if (once_in(40)) return below(60'000);
    return once_in(3) ? below(3'000) : below(80);
  }
  void choose_repeated(Operation& o) {
    const auto is_repeatable = [](const Operation& each) {
      return each.caller != 0 &&
             (each.kind == Kind::lookup_or_start || each.kind == Kind::start || each.kind == Kind::stop);
    };
    // Mostly one of late, so that it may be under way.
    const auto& all = out_.operations;
    const std::uint32_t reach = once_in(4) ? 200 : 12;
    std::vector<std::uint32_t> found;
    for (std::size_t i = all.size(); i > 0 && all.size() - i < reach; --i) {
      if (is_repeatable(all[i - 1])) found.push_back(all[i - 1].number);
    }
    if (found.empty()) return void(o.kind = Kind::lookup);
    o.of = found[below(found.size())];
  }

  struct Followed {
    Kind kind;
    std::uint32_t key;
    bool closely;
  };

  SplitMix random_;
  const std::uint32_t operations_;
  Story out_;
  std::multimap<std::uint32_t, Followed> follow_;  ///< By the number of the operation.
  std::vector<Kind> kinds_;                        ///< As often as it is to be drawn.
  std::uint32_t does_ = 0;
  std::uint32_t plan_ = 0;
  std::uint32_t wire_ = 0;
  bool hasty_ = false;
  std::uint32_t eager_ = 0;
};

constexpr std::array kind_names{"lookup",    "lookup_or_start", "start",      "stop",         "call",
                                "send",      "keep_ref",        "use_ref",    "pinned",       "pinned_stop",
                                "blocking",  "many",            "repeat",     "watch",        "unwatch",
                                "ask_watch", "list",            "count_keys", "next_slot",    "revoke_slot",
                                "back_slot", "end_lease",       "resume_lease", "start_over", "slot_returns"};
static_assert(kind_names.size() == kind_count);

constexpr std::array does_names{"meanwhile", "takes_long", "sets_timer", "cancels_timer", "sends",
                                "calls",     "asks",       "gets",       "waits",         "stops_other",
                                "ends_late", "leaves",     "refuses",    "crashes",       "throws_odd"};
static_assert(does_names.size() == does_count);
constexpr std::array plan_names{
    "constructor_throws", "constructor_slow", "start_fails",  "start_throws",  "start_slow",     "start_meanwhile",
    "start_sets_timer",   "start_sends",      "start_leaves", "restarts_fail", "stop_throws",    "stop_slow",
    "stop_sends",         "stop_meanwhile",   "saves",        "save_throws",   "restore_throws", "restore_fails"};
static_assert(plan_names.size() == plan_count);

template <class Names>
std::string names_of(std::uint32_t bits, const Names& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((bits >> i & 1) != 0) out += (out.empty() ? "" : "+") + std::string(names[i]);
  }
  return out;
}

}  // namespace

std::string_view name_of(Kind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

std::string_view name_of_does(std::size_t bit) { return does_names[bit]; }
std::string_view name_of_plan(std::size_t bit) { return plan_names[bit]; }

Story story_of(std::uint64_t seed, std::uint32_t operations) { return Generator(seed, operations).story(); }

std::string to_text(const Operation& o) {
  std::string out = "  #" + std::to_string(o.number) + " +" + std::to_string(o.pause_us) +
                    " us: " + std::string(name_of(o.kind)) + " " + name_of_key(o.key);
  const auto add = [&](bool is_so, const std::string& text) { out += is_so ? " " + text : std::string(); };
  add(o.caller != 0, "from caller " + std::to_string(o.caller) + (o.joins ? " (joins)" : ""));
  add(o.kind == Kind::repeat, "of #" + std::to_string(o.of));
  add(o.with_args, "with args");
  add(o.sends, "sends");
  add(o.fail_if_restarting, "fail_if_restarting");
  add(o.no_reply, "no_reply");
  add(o.then_start, "then_start");
  add(o.plan != 0, "plan " + names_of(o.plan, plan_names));
  add(o.does != 0, "does " + names_of(o.does, does_names));
  add(o.then_does != 0, "and then " + names_of(o.then_does, does_names));
  return out + " amount " + std::to_string(o.amount_us) + " us, to " + name_of_key(o.to) + ", time-out " +
         std::to_string(o.timeout_us) + " us\n";
}

std::string to_text(const Story& story) {
  std::string out = "seed " + std::to_string(story.seed) + ", " + std::to_string(story.keys) + " keys, order " +
                    std::to_string(story.order) + "\n";
  for (std::uint32_t i = 0; i < type_count; ++i) {
    const TypeOptions& t = story.types[i];
    const auto ms = [](Duration d) { return std::to_string(milliseconds_of(d)) + " ms"; };
    out += "  type " + std::string(type_names[i]) + ": " + std::string(name_of(t.restart.mode)) + ", max_restarts " +
           std::to_string(t.restart.max_restarts) + " in " + ms(t.restart.period) + ", back-off " +
           ms(t.restart.backoff_initial) + " to " + ms(t.restart.backoff_max) + ", idle " + ms(t.idle) + ", cap " +
           std::to_string(t.cap) + ", mailbox " + std::to_string(t.mailbox) + ", stop_grace " + ms(t.stop_grace) + "\n";
  }
  for (const Operation& o : story.operations) out += to_text(o);
  return out;
}

}  // namespace reki::contract
