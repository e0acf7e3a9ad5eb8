#include "reki/core/membership/rescue.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/membership/ballot.hpp"
#include "reki/core/membership/mutation.hpp"
#include "reki/core/membership/voter_change.hpp"
#include "reki/core/view/generation.hpp"

namespace reki::membership {
namespace {

std::string hex(std::uint64_t number) {
  std::array<char, 16> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr};
}

tl::unexpected<Error> refused(std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); }

const Voter* voter_of(const RescueState& s) {
  if (s.view == nullptr) return nullptr;
  for (const auto voters : {s.view->voters(), s.view->old_voters()}) {
    const auto it = std::ranges::find(voters, s.store, &Voter::store);
    if (it != voters.end()) return &*it;
  }
  return nullptr;
}

/// Whose register is the newest, of those that can go on; null: there is none.
const RescueAnswer* newest_register(std::span<const RescueAnswer> answers, Lineage lineage) {
  const RescueAnswer* best = nullptr;
  const auto age = [](const RescueAnswer& a) { return std::tuple(a.state.accepted, a.state.view->epoch()); };
  for (const RescueAnswer& a : answers) {
    if (a.state.lineage != lineage || voter_of(a.state) == nullptr) continue;
    if (best == nullptr || age(a) > age(*best)) best = &a;
  }
  return best;
}

std::string nodes_of(std::span<const RescueAnswer> answers, Lineage lineage) {
  std::string out;
  for (const RescueAnswer& a : answers) {
    if (a.state.lineage == lineage) out += (out.empty() ? "" : ", ") + a.node.value;
  }
  return out;
}

bool answers_with(std::span<const RescueAnswer> answers, const Voter& v) {
  return std::ranges::any_of(answers, [&](const RescueAnswer& a) { return a.state.store == v.store && a.state.view != nullptr; });
}

/// Why a register of this lineage is not for rescue; empty: it is.
std::string fault_of(std::span<const RescueAnswer> answers, Lineage newest) {
  for (const RescueAnswer& a : answers) {
    if (generation_of(a.state.lineage) == generation_of(newest) && a.state.lineage != newest) {
      return "nodes " + nodes_of(answers, newest) + " and " + nodes_of(answers, a.state.lineage) +
             " are of two rescues of one generation, from copies of one store: stop all of one of them for good";
    }
    if (a.state.served) return "node '" + a.node.value + "' has a coordinator: a majority of the voters runs, and nothing is to be rescued";
  }
  return {};
}

void add_lost(std::span<const RescueAnswer> answers, std::span<const Voter> voters, std::vector<LostStore>& out) {
  for (const Voter& v : voters) {
    const bool named = std::ranges::find(out, v.store, &LostStore::store) != out.end();
    if (!named && !answers_with(answers, v)) out.push_back({v.node, v.store});
  }
}

}  // namespace

ViewPtr rescued_view(const View& last, const Voter& survivor, std::uint64_t fresh, Lineage lineage) {
  ViewHead head = last.head();
  head.epoch = mutated(Mutation::rescue_small_jump) ? Epoch{last.epoch().value + 1} : epoch_of(generation_of(lineage), 1);
  head.term = Term{};
  head.coordinator = NodeId{};
  head.old_voters.clear();
  head.voters = {{static_cast<std::uint16_t>(highest_number(last) + 1), fresh, survivor.node, survivor.control}};
  auto made = View::make(std::move(head), {}, {});
  REKI_ASSERT(made.has_value());
  return std::make_shared<const View>(std::move(*made));
}

bool is_first_of_rescue(const View& view) { return generation_of(view.epoch()) != 0 && number_of(view.epoch()) == 1; }

std::string text_of(const LostStore& lost) { return lost.node.value + "/" + hex(lost.store); }
std::string text_of(Lineage lineage) { return hex(lineage.value); }

std::string retired_text(const std::string& cluster, Lineage lineage) {
  return "the register of cluster '" + cluster + "' was rescued without this node's, as lineage " + text_of(lineage) +
         ": what is here is of before and must never vote again. To let the node in, remove its data directory and start it; it "
         "has no vote then, which 'reki voters add' gives it";
}

Result<RescuePlan> plan_rescue(std::span<const RescueAnswer> answers, std::uint64_t random) {
  Lineage newest;
  for (const RescueAnswer& a : answers) newest = std::max(newest, a.state.lineage);
  if (std::string fault = fault_of(answers, newest); !fault.empty()) return refused(std::move(fault));
  const RescueAnswer* const best = newest_register(answers, newest);
  if (best == nullptr && newest != Lineage{}) {
    return refused("this register was rescued before, as " + nodes_of(answers, newest) + " knows, and no voter of that rescue "
                   "answers: start it, or find its data directory");
  }
  if (best == nullptr) return refused("no node that answers has the register of a voter: start one that has");
  const View& view = *best->state.view;
  if (quorum(view, [&](const Voter& v) { return answers_with(answers, v); })) {
    return refused("a majority of the voters answers with its registers: nothing is lost. Start the nodes and wait");
  }
  const Voter& survivor = *voter_of(best->state);
  const auto generation = next_generation(generation_of(newest), survivor.number);
  if (!generation || highest_number(view) == UINT16_MAX) return refused("this register was rescued too often: make another cluster");
  RescuePlan out{best->node, best->control, newest, {best->state.store, best->state.accepted, view.epoch(), lineage_of(*generation, random)},
                 {}, {}, {}};
  add_lost(answers, view.voters(), out.lost);
  add_lost(answers, view.old_voters(), out.lost);
  for (const RescueAnswer& a : answers) {
    if (&a != best && a.state.view != nullptr) out.others.push_back(a.node);
    const bool knows_more = a.state.lineage == newest && a.state.known > view.epoch();
    if (knows_more) out.ahead = a.node.value;
  }
  return out;
}

Result<void> check_named(const RescuePlan& plan, std::span<const std::string> named) {
  const auto is_named = [&](const LostStore& lost) { return std::ranges::find(named, text_of(lost)) != named.end(); };
  for (const LostStore& lost : plan.lost) {
    if (!is_named(lost)) return refused("the store " + text_of(lost) + " does not answer, and is not named as lost");
  }
  for (const std::string& name : named) {
    const bool is_lost = std::ranges::any_of(plan.lost, [&](const LostStore& lost) { return text_of(lost) == name; });
    if (!is_lost) return refused("'" + name + "' is no store that is lost");
  }
  return {};
}

}  // namespace reki::membership
