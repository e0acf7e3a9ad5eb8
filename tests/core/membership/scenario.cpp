#include "scenario.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <stdexcept>

#include "describe.hpp"
#include "machines.hpp"

namespace test {

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

namespace {

constexpr Duration trip = 1ms;
constexpr Duration disk_time = 2ms;
constexpr Duration stop_time = 5ms;
/// A machine that asks to be woken at once is woken this much later.
constexpr Duration nap = 10us;
const std::string init_name = "init";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

[[noreturn]] void wrong(const std::string& why) { throw std::invalid_argument(why); }

std::uint64_t number_of(const std::string& text) {
  std::size_t used = 0;
  const std::uint64_t out = text.empty() ? 0 : std::stoull(text, &used);
  if (text.empty() || used != text.size()) wrong("'" + text + "' is no number");
  return out;
}

Duration duration_of(const std::string& text) {
  if (text.ends_with("ms")) return std::chrono::milliseconds(number_of(text.substr(0, text.size() - 2)));
  if (text.ends_with("s")) return std::chrono::seconds(number_of(text.substr(0, text.size() - 1)));
  wrong("'" + text + "' is no time, as 700ms or 2s are");
}

/// Of "voters=3", 3; of anything else 0.
std::uint64_t voters_of(std::span<const std::string> words) {
  constexpr std::string_view key = "voters=";
  for (const std::string& word : words) {
    if (word.starts_with(key)) return number_of(word.substr(key.size()));
  }
  return 0;
}

}  // namespace

Scenario::Scenario() : now_(start) {}

std::string Scenario::command(const std::string& line) {
  using Handler = void (Scenario::*)(Words);
  static const std::map<std::string, Handler> handlers{
      {"nodes", &Scenario::nodes},   {"init", &Scenario::init},   {"cluster", &Scenario::cluster},
      {"run", &Scenario::run},       {"show", &Scenario::show},   {"leave", &Scenario::leave},
      {"crash", &Scenario::crash},   {"guard", &Scenario::guard}, {"restart", &Scenario::restart},
      {"freeze", &Scenario::freeze}, {"thaw", &Scenario::thaw},   {"cut", &Scenario::cut},
      {"lose", &Scenario::lose},     {"mend", &Scenario::mend}};
  printed_.clear();
  const auto words = words_of(line);
  const auto handler = handlers.find(words.at(0));
  try {
    if (handler == handlers.end()) wrong("there is no command '" + words[0] + "'");
    (this->*handler->second)(Words(words).subspan(1));
  } catch (const std::exception& e) {
    printed_ += std::string("error: ") + e.what() + "\n";
  }
  return std::exchange(printed_, {});
}

// --- commands

Scenario::Node& Scenario::node(Words words) {
  const auto it = words.empty() ? nodes_.end() : nodes_.find(words[0]);
  if (it == nodes_.end()) wrong("there is no such node");
  return it->second;
}

void Scenario::nodes(Words words) {
  const std::uint64_t count = number_of(words.empty() ? "" : words[0]);
  const std::uint64_t voters = voters_of(words);
  std::vector<std::string> fresh;
  for (std::uint64_t k = 0; k < count; ++k) {
    const std::uint64_t number = nodes_.size() + 1;
    fresh.push_back("n" + std::to_string(number));
    Node& made = nodes_[fresh.back()];
    if (k < voters) made.disk = VoterRecord{"", 100 + number, {}, {}, nullptr};
  }
  for (const std::string& name : fresh) begin(name, {});
}

void Scenario::init(Words words) {
  std::vector<Initialization::At> at;
  init_voters_.assign(words.begin(), words.end());
  for (const std::string& name : init_voters_) at.push_back({NodeId{name}, control_of(name)});
  init_.emplace("c", 1, Settings{}, std::move(at));
  init_writes_ = false;
  send_init();
}

void Scenario::cluster(Words words) {
  nodes(words);
  std::vector<std::string> voters;
  for (const auto& [name, node] : nodes_) {
    if (node.disk) voters.push_back(name);
  }
  init(voters);
  const auto ready = [&](const auto& each) { return serves(each.second); };
  for (int i = 0; i < 100 && !std::ranges::all_of(nodes_, ready); ++i) pass(100ms);
  printed_.clear();
  show({});
}

void Scenario::run(Words words) {
  if (words.empty()) wrong("run for how long?");
  if (words.size() > 1 && words[1] != "with") wrong("run TIME with KIND...");
  if (words.size() > 2) kinds_.insert(words.begin() + 2, words.end());
  pass(duration_of(words[0]));
  kinds_.clear();
}

void Scenario::leave(Words words) {
  Node& leaver = node(words);
  if (!leaver.machine) wrong("it is down");
  leaver.machine->leave(clocks());
  effects(words[0], "is told to leave");
}

void Scenario::crash(Words words) {
  Node& victim = node(words);
  victim.machine.reset();
  victim.backlog.clear();
  victim.frozen = false;
}

void Scenario::guard(Words words) {
  const Node& victim = node(words);
  if (victim.machine) wrong("it has not crashed");
  for (const auto& [name, other] : nodes_) {
    if (other.machine) post("guard/" + words[0], name, Stopped{NodeId{words[0]}, victim.incarnation}, trip);
  }
}

void Scenario::restart(Words words) {
  Node& back = node(words);
  if (back.machine) wrong("it is up");
  const bool empty = words.size() > 1 && words[1] == "empty";
  if (empty && back.disk) back.disk = VoterRecord{"", back.disk->store + 100, {}, {}, nullptr};
  begin(words[0], empty ? Incarnation{} : back.incarnation);
}

void Scenario::freeze(Words words) { node(words).frozen = true; }

void Scenario::thaw(Words words) {
  Node& thawed = node(words);
  thawed.frozen = false;
  for (Event& event : std::exchange(thawed.backlog, {})) happen(std::move(event));
}

void Scenario::cut(Words words) { node(words).cut = true; }

void Scenario::lose(Words words) {
  if (words.size() != 3) wrong("lose KIND FROM TO");
  losses_.insert(words[0] + " " + words[1] + " " + words[2]);
}

void Scenario::mend(Words) {
  losses_.clear();
  for (auto& [name, node] : nodes_) node.cut = false;
}

void Scenario::show(Words) {
  for (const auto& [name, node] : nodes_) printed_ += name + "  " + text_of(node) + "\n";
  printed_ += owners();
}

// --- time and events

void Scenario::begin(const std::string& name, Incarnation previous) {
  Node& node = nodes_.at(name);
  ++node.process;
  std::vector<NodeId> seeds;
  for (const auto& [seed, unused] : nodes_) seeds.emplace_back(seed);
  const std::uint64_t seed = 5 + number_of(name.substr(1)) * 1000 + node.process;  // by which n1 is elected first
  node.machine.emplace(
      Membership::Options{{member(name, 0), lan(), std::move(seeds), seed, previous}, node.disk, false});
  node.machine->tick(clocks());
  node.leads = {};
  node.chosen = node.barrier = {};
  node.resigned = false;
  effects(name, "starts");
}

void Scenario::pass(Duration time) {
  const Instant end = now_ + time;
  for (;;) {
    const std::string* sleeper = nullptr;
    Instant wake_at = Instant::never();
    for (const auto& [name, node] : nodes_) {
      if (!node.machine || node.frozen || node.wake_at >= wake_at) continue;
      sleeper = &name;
      wake_at = node.wake_at;
    }
    const Instant next = queue_.empty() ? Instant::never() : queue_.begin()->first.first;
    if (std::min(next, wake_at) > end) break;
    now_ = std::max(now_, std::min(next, wake_at));
    if (next <= wake_at)
      happen(std::move(queue_.extract(queue_.begin()).mapped()));
    else
      wake(*sleeper);
  }
  now_ = end;
}

void Scenario::wake(const std::string& name) {
  nodes_.at(name).machine->tick(clocks());
  effects(name, "wakes");
}

void Scenario::happen(Event event) {
  if (event.node == init_name) return hear_init(std::get<Letter>(event.what));
  const auto it = nodes_.find(event.node);
  if (it == nodes_.end() || !it->second.machine) return;
  Node& node = it->second;
  if (event.process != 0 && event.process != node.process) return;
  if (node.frozen) return node.backlog.push_back(std::move(event));
  if (const auto* const letter = std::get_if<Letter>(&event.what)) {
    if (is_lost(letter->from.value, event.node, "")) return;
    node.machine->on(*letter, clocks());
    effects(event.node, "hears from " + letter->from.value + ": " + brief(letter->body));
  } else if (auto* const written = std::get_if<Written>(&event.what)) {
    node.disk = std::move(written->record);
    node.machine->persisted(written->version, clocks());
    effects(event.node, "has written");
  } else {
    const auto& stopped = std::get<SlotsStopped>(event.what);
    node.machine->slots_stopped(stopped.slots, stopped.of, clocks());
    effects(event.node, "has stopped the actors of " + std::to_string(stopped.slots.size()) + " slots");
  }
}

// --- init

void Scenario::send_init() {
  for (auto& letter : init_->due()) post(init_name, init_voters_[letter.voter], std::move(letter.body), trip);
}

void Scenario::hear_init(const Letter& letter) {
  const auto voter = std::ranges::find(init_voters_, letter.from.value) - init_voters_.begin();
  const bool was_done = init_->done();
  const auto result = init_->on(static_cast<std::size_t>(voter), std::get<InitState>(letter.body));
  if (!result) printed_ += stamp() + " init fails: " + result.error().text + "\n";
  const auto due = init_->due();
  const bool writes = !due.empty() && std::holds_alternative<Init>(due[0].body);
  if (writes && !std::exchange(init_writes_, true)) send_init();
  if (init_->done() && !was_done) printed_ += stamp() + " init is done\n";
}

// --- effects

void Scenario::effects(const std::string& name, const std::string& cause) {
  Node& node = nodes_.at(name);
  if (node.incarnation != node.machine->agent().incarnation()) {
    node.incarnation = node.machine->agent().incarnation();
    names_[node.incarnation] = std::string(1, static_cast<char>('a' + node.incarnations++));
  }
  std::string printed;
  write(name, printed);
  for (const AgentEvent& event : node.machine->take_events()) act(name, event, printed);
  changes_of_office(name, printed);
  send(name, printed);
  if (!printed.empty()) printed_ += stamp() + " " + name + " " + cause + "\n" + printed;
  node.wake_at = std::max(node.machine->next_wake(), now_ + nap);
  end_if_gone(name);
}

void Scenario::write(const std::string& name, std::string& printed) {
  Node& node = nodes_.at(name);
  while (auto record = node.machine->take_write()) {
    if (kinds_.contains("Write")) {
      const VoterRecord& r = record->record;
      printed += "  writes: promised " + describe(r.promised) + ", accepted view " +
                 std::to_string(r.view->epoch().value) + " in " + describe(r.accepted) + "\n";
    }
    node.written_at = std::max(node.written_at, now_) + disk_time;
    queue_[{node.written_at, ++events_}] = {name, node.process, Written{record->version, std::move(record->record)}};
  }
}

void Scenario::act(const std::string& name, const AgentEvent& event, std::string& printed) {
  if (std::holds_alternative<LeaseExtended>(event)) return;
  if (const auto* const installed = std::get_if<Installed>(&event)) {
    printed += "  installs view " + std::to_string(installed->view->epoch().value) + "\n";
    return;
  }
  printed += "  " + describe(event, [&](Incarnation i) { return name_of(i); }) + "\n";
  const auto* const lost = std::get_if<Lost>(&event);
  if (lost == nullptr) return;
  queue_[{now_ + stop_time, ++events_}] = {name, nodes_.at(name).process, SlotsStopped{lost->slots, lost->of}};
}

void Scenario::changes_of_office(const std::string& name, std::string& printed) {
  Node& node = nodes_.at(name);
  const std::optional<Term> was = std::exchange(node.leads, node.machine->leads());
  if (was && was != node.leads) printed += "  is the coordinator in " + describe(*was) + " no more\n";
  if (node.leads && was != node.leads) printed += "  is the coordinator in " + describe(*node.leads) + "\n";
  const Coordinator* const coordinator = node.machine->coordinator();
  if (coordinator == nullptr) return;
  const ViewPtr& view = coordinator->view();
  if (std::exchange(node.chosen, view->epoch()) != view->epoch()) {
    printed += "  chooses " + describe(view, [&](Incarnation i) { return name_of(i); }) + "\n";
  }
  if (std::exchange(node.barrier, coordinator->barrier()) < coordinator->barrier()) {
    printed += "  all have cleared view " + std::to_string(node.barrier.value) + "\n";
  }
}

/// The same message to several nodes is one line.
void Scenario::send(const std::string& name, std::string& printed) {
  std::vector<Outbox::Item> items;
  nodes_.at(name).machine->take_messages(items);
  std::string receivers;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string text = brief(items[i].body);
    receivers += items[i].to.value + " ";
    const bool more = i + 1 < items.size() && brief(items[i + 1].body) == text;
    post(name, items[i].to.value, std::move(items[i].body), trip);
    if (more) continue;
    if (kinds_.contains(text.substr(0, text.find(' ')))) printed.append("  -> ").append(receivers).append(text).append("\n");
    receivers.clear();
  }
}

void Scenario::end_if_gone(const std::string& name) {
  Node& node = nodes_.at(name);
  if (node.machine->agent().phase() != MemberAgent::Phase::gone) return;
  if (node.machine->leads() && !std::exchange(node.resigned, true)) {
    node.machine->resign(clocks());
    return effects(name, "resigns");
  }
  printed_ += stamp() + " " + name + " is gone\n";
  node.machine.reset();
}

void Scenario::post(const std::string& from, const std::string& to, Body body, Duration after) {
  const std::string text = describe(body);
  if (is_lost(from, to, text.substr(0, text.find(' ')))) return;
  queue_[{now_ + after, ++events_}] = {to, 0, Letter{NodeId{from}, std::move(body), {}}};
}

bool Scenario::is_lost(const std::string& from, const std::string& to, const std::string& kind) const {
  const auto is_cut = [&](const std::string& name) {
    const auto it = nodes_.find(name);
    return it != nodes_.end() && it->second.cut;
  };
  return is_cut(from) || is_cut(to) || losses_.contains(kind + " " + from + " " + to);
}

// --- text

std::string Scenario::stamp() const {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f", static_cast<double>((now_ - start).count()) / 1e6);
  return out;
}

std::string Scenario::name_of(Incarnation incarnation) const {
  const auto it = names_.find(incarnation);
  if (it != names_.end()) return it->second;
  return incarnation == Incarnation{} ? "none" : digits(incarnation);
}

/// A view in it without its members.
std::string Scenario::brief(const Body& body) const {
  std::string out = describe(body, [&](Incarnation i) { return name_of(i); });
  const std::size_t from = out.find(" {");
  if (from != std::string::npos) out.erase(from, out.find('}') + 1 - from);
  return out;
}

bool Scenario::serves(const Node& node) const {
  return node.machine && !node.machine->agent().held().empty() && node.machine->agent().gate(now_);
}

std::string Scenario::text_of(const Node& node) const {
  if (!node.machine) return "down";
  const MemberAgent& agent = node.machine->agent();
  std::string out = node.leads ? "coordinator in " + describe(*node.leads) + ", " : "";
  if (node.frozen) out = "frozen, " + out;
  const std::string view = agent.view() ? std::to_string(agent.view()->epoch().value) : "none";
  if (agent.phase() == MemberAgent::Phase::joining)
    return out + "joining as " + name_of(agent.incarnation()) + ", knows view " + view;
  out += (agent.phase() == MemberAgent::Phase::leaving ? "leaving as " : "member ") + name_of(agent.incarnation()) +
         " of view " + view;
  if (agent.cleared() != agent.installed()) out += ", cleared " + std::to_string(agent.cleared().value);
  out += ", holds " + std::to_string(agent.held().size()) + " slots, ";
  return out + (agent.gate(now_) ? "has a lease" : "has no lease");
}

std::string Scenario::owners() const {
  SlotSet live;
  SlotSet twice;
  for (const auto& [name, node] : nodes_) {
    if (!serves(node)) continue;
    twice |= live & node.machine->agent().held();
    live |= node.machine->agent().held();
  }
  const std::string all = live.size() == slot_count ? "each slot" : std::to_string(live.size()) + " slots";
  return all + (live.size() == slot_count ? " has" : " have") + " a live owner" +
         (twice.empty() ? "" : ", " + std::to_string(twice.size()) + " HAVE TWO") + "\n";
}

}  // namespace test
