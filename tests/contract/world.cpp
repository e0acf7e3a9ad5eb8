#include "world.hpp"

#include <utility>

#include "actors.hpp"

namespace reki::contract {

using wire::Op;

World::World(const Story& story, bool prints)
    : schedule(story.order), oracle(story, schedule.clock(), page, prints), slots(story.keys, oracle) {
  page.set_lease_end(Instant::never());
  registry = std::make_unique<HostedRegistry>(factories(story), options());
  slots.begin(*registry);
}

World::~World() { registry.reset(); }

void World::pass(std::uint32_t us) {
  schedule.pass(std::chrono::microseconds(us));
  oracle.passed(std::int64_t{us} * 1000);
}

Factories World::factories(const Story& story) {
  Factories out;
  const auto add = [&]<class A>(const TypeOptions& options) {
    out.add<Subject<A>>(options, [this](const Args& args) { return std::make_unique<Subject<A>>(*this, args); });
  };
  add.operator()<Plain>(story.types[0]);
  add.operator()<Other>(story.types[1]);
  add.operator()<Asker>(story.types[2]);
  return out;
}

HostedOptions World::options() {
  auto hooks = std::make_shared<ClusterHooks>();
  hooks->page = &page;
  hooks->reroute = [](std::string_view, std::string_view, EnvelopePtr request) {
    if (request->done) request->done(Answer{Error{ErrorCode::wrong_node}});
  };
  hooks->hand_over = [this](HandedOver state) { slots.keep(std::move(state)); };
  hooks->slot_emptied = [] {};
  HostedOptions out;
  out.executor = schedule.executors();
  out.node = NodeId{"n1"};
  out.incarnation = Incarnation{7};
  out.cluster_hooks = std::move(hooks);
  return out;
}

Args World::args_of(const Ask& ask, const Operation& o) {
  return {.request = ask.first, .key = ask.key, .plan = o.plan, .amount_us = o.amount_us, .to = o.to};
}

Work World::work_of(const Ask& ask, const Operation& o) {
  return {.ask = ask.number, .does = o.does, .amount_us = o.amount_us, .to = o.to, .then_does = o.then_does};
}

Submission World::submission_of(const Ask& ask, const Operation& o) {
  Submission out(ask.op, type_names[type_of_key(ask.key)], name_of_key(ask.key));
  out.timeout = std::chrono::microseconds(o.timeout_us);
  out.flags = o.fail_if_restarting ? wire::fail_if_restarting : 0U;
  out.fence = ask.pin;
  if (ask.starts) out.args = pack(args_of(ask, o));
  if (wire::is_message(ask.op)) out.message = EnvelopePtr{new TypedEnvelope<Work>(work_of(ask, o))};
  return out;
}

Completion World::answer_to(Ask& ask, bool then_start) {
  return {[](void* world, std::uint64_t number, std::uint64_t then, Answer&& answer) {
            auto& self = *static_cast<World*>(world);
            const bool ok = answer.ok();
            self.answered(static_cast<std::uint32_t>(number), std::move(answer));
            if (then != 0 && ok) self.start_at_once(self.oracle.of(static_cast<std::uint32_t>(number)).key);
          },
          this, ask.number, then_start ? 1U : 0U};
}

void World::answered(std::uint32_t ask, Answer&& answer) {
  std::optional<Done> done;
  if (answer.ok() && oracle.of(ask).op == Op::call) {
    if (answer.envelope && answer.envelope->tag() == &message_tag<Work>) {
      done = *static_cast<TypedEnvelope<Work>&>(*answer.envelope).reply;
    } else if (auto unpacked = unpack<Done>(answer.payload)) {
      done = *unpacked;
    }
  }
  oracle.answered(ask, answer, done);
}

void World::start_at_once(std::uint32_t key) {
  Ask& ask = oracle.ask(Op::lookup_or_start, key);
  ask.starts = true;
  ask.caller = 500;
  ask.deadline = schedule.now() + std::chrono::milliseconds(100);
  oracle.issued(ask);
  registry->submit(submission_of(ask, {.timeout_us = 100'000}), answer_to(ask));
}

}  // namespace reki::contract
