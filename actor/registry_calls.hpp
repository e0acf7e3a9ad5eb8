#pragma once

// The templates of registry.hpp; include that one.

#include "reki/actor/actor_ref.hpp"
#include "reki/actor/registry.hpp"

namespace reki {

namespace detail {
template <class T>
inline constexpr bool is_ref = false;
template <Interface A>
inline constexpr bool is_ref<ActorRef<A>> = true;
}  // namespace detail

template <class T, class Value>
Value Operation<T, Value>::get() {
  if constexpr (detail::is_ref<T> && std::is_same_v<Value, Result<T>>) {
    if (submission_.op == wire::Op::lookup || submission_.op == wire::Op::lookup_or_start) {
      const Registry::Live live = registry_->find_live(submission_.type, submission_.key);
      if (live.fence.value != 0) {
        return Result<T>(tl::in_place, *registry_, std::move(submission_.key), std::move(submission_.args), false, live.fence,
                         SharedNodeId(SharedNodeId(), live.node));
      }
    }
  }
  Answer answer = registry_->exchange(submission_);
  return finish_(*registry_, std::move(submission_), std::move(answer));
}

namespace detail {

/// What a T is made of, kept while its submission is on the way.
template <class T>
class KeyAndArgs {
 public:
  explicit KeyAndArgs(const Submission&) {}
  Submission take() { return {}; }
};
template <class T>
  requires made_of_key<T>
class KeyAndArgs<T> {
 public:
  explicit KeyAndArgs(const Submission& sent) : key_(sent.key), args_(sent.args) {}
  Submission take() {
    Submission out;
    out.key = std::move(key_);
    out.args = std::move(args_);
    return out;
  }

 private:
  decltype(Submission::key) key_;
  std::optional<Bytes> args_;
};

/// The answers of a ManyOperation as they come, for its callback. One allocation with its own count of owners, where a
/// closure and a shared pointer for each key would cost more than the rest of it. Deletes itself with the last answer.
template <class T, class Callback>
class Gathering {
 public:
  using Finish = typename Operation<T>::Finish;

  /// Sends them. REQUIRES: there are some.
  static void begin(Registry& registry, std::vector<Posting> postings, Finish finish, Callback callback) {
    auto* all = new Gathering(registry, postings.size(), finish, std::move(callback));
    for (std::size_t i = 0; i < postings.size(); ++i) {
      all->sent_.emplace_back(postings[i].submission);
      postings[i].done = Completion{&Gathering::arrived, all, i};
    }
    registry.submit_many(std::move(postings));
  }

 private:
  Gathering(Registry& registry, std::size_t count, Finish finish, Callback callback)
      : registry_(registry), finish_(finish), results_(count), missing_(count), callback_(std::move(callback)) {
    sent_.reserve(count);
  }

  static void arrived(void* self, std::uint64_t i, std::uint64_t, Answer&& answer) {
    auto& all = *static_cast<Gathering*>(self);
    all.results_[i] = all.finish_(all.registry_, all.sent_[i].take(), std::move(answer));
    if (all.missing_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    const std::unique_ptr<Gathering> owned(&all);
    detail::call_back(all.callback_, std::move(all.results_));
  }

  Registry& registry_;
  const Finish finish_;
  std::vector<KeyAndArgs<T>> sent_;
  std::vector<Result<T>> results_;  // each written by whoever brings it
  std::atomic<std::size_t> missing_;
  Callback callback_;
};

}  // namespace detail

template <class T, class Value>
template <class Callback>
void Operation<T, Value>::run(Callback callback) {
  detail::KeyAndArgs<T> sent(submission_);
  registry_->submit(std::move(submission_),
                    Completion::of([registry = registry_, sent = std::move(sent), finish = finish_,
                                    callback = std::move(callback)](Answer&& answer) mutable {
                      callback(finish(*registry, sent.take(), std::move(answer)));
                    }));
}

template <class T, class Value>
void Operation<T, Value>::forget() {
  registry_->submit(std::move(submission_), Completion{});
}

template <class T>
template <class Callback>
void ManyOperation<T>::run(Callback callback) {
  if (postings_.empty()) return detail::call_back(callback, std::vector<Result<T>>{});
  detail::Gathering<T, Callback>::begin(*registry_, std::move(postings_), finish_, std::move(callback));
}

template <class T>
void ManyOperation<T>::forget() {
  registry_->submit_many(std::move(postings_));
}

namespace detail {

template <Interface A>
Submission about_key(wire::Op op, std::string_view key, const CallOptions& options) {
  Submission out(op, A::type, key);
  out.timeout = options.timeout;
  out.flags = options.wait_for_restart ? 0U : wire::fail_if_restarting;
  return out;
}

template <Interface A>
Result<ActorRef<A>> finish_ref(Registry& registry, Submission&& sent, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  return Result<ActorRef<A>>(tl::in_place, registry, std::move(sent.key), std::move(sent.args), answer.started, answer.fence,
                             std::move(answer.node));
}

/// The ref of one that was there already never starts the actor, as one from `lookup`.
template <Interface A>
StartResult<A> finish_start(Registry& registry, Submission&& sent, Answer&& answer) {
  StartResult<A> out;
  if (answer.code == ErrorCode::already_started && answer.fence.value != 0) {
    out.existing_.emplace(registry, std::move(sent.key), std::nullopt, false, answer.fence, SharedNodeId(answer.node));
  }
  static_cast<Result<ActorRef<A>>&>(out) = finish_ref<A>(registry, std::move(sent), std::move(answer));
  return out;
}

inline Result<Fence> finish_fence(Registry&, Submission&&, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  return answer.fence;
}

inline Result<void> finish_nothing(Registry&, Submission&&, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  return {};
}

template <Message M>
Result<ReplyOf<M>> finish_call(Registry&, Submission&&, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  if constexpr (std::is_void_v<ReplyOf<M>>) {
    return {};
  } else {
    if (answer.envelope && answer.envelope->tag() == &message_tag<M>) {
      return std::move(*static_cast<TypedEnvelope<M>&>(*answer.envelope).reply);
    }
    return unpack<ReplyOf<M>>(answer.payload);
  }
}

Bytes list_args(const Bytes& cursor, std::size_t limit);
Result<Page> finish_page(Registry& registry, Submission&& sent, Answer&& answer);
Result<std::uint64_t> finish_count(Registry& registry, Submission&& sent, Answer&& answer);
Result<std::vector<TypeDescription>> finish_describe(Registry& registry, Submission&& sent, Answer&& answer);

template <Interface A>
std::vector<Posting> about_keys(wire::Op op, std::span<const std::string> keys, const std::optional<Bytes>& args,
                                   const CallOptions& options) {
  std::vector<Posting> out;
  out.reserve(keys.size());
  for (const auto& key : keys) {
    out.push_back({about_key<A>(op, key, options), Completion{}});
    out.back().submission.args = args;
  }
  return out;
}

}  // namespace detail

template <class T>
std::vector<Result<T>> ManyOperation<T>::get() {
  std::vector<Result<T>> out;
  if (detail::on_worker_thread) {
    out.resize(postings_.size(), fail(ErrorCode::would_block));
    return out;
  }
  const detail::BlockingCall leaves_at_once;
  const detail::OneShotEvent all;
  run([&out, all](std::vector<Result<T>> results) {
    out = std::move(results);
    all.set();
  });
  all.wait();  // each answer comes by its deadline
  return out;
}

template <Interface A>
Operation<ActorRef<A>> Registry::lookup_or_start(std::string_view key, const ArgsOf<A>& args, CallOptions options) {
  return {*this, &detail::finish_ref<A>, wire::Op::lookup_or_start, A::type, key, options, args};
}

template <Interface A>
Operation<ActorRef<A>> Registry::lookup(std::string_view key, CallOptions options) {
  return {*this, &detail::finish_ref<A>, wire::Op::lookup, A::type, key, options};
}

template <Interface A>
Operation<ActorRef<A>, StartResult<A>> Registry::start(std::string_view key, const ArgsOf<A>& args, CallOptions options) {
  auto submission = detail::about_key<A>(wire::Op::start, key, options);
  detail::pack_args_into(submission.args, args);
  return {*this, std::move(submission), &detail::finish_start<A>};
}

template <Interface A>
Operation<Fence> Registry::stop(std::string_view key, CallOptions options) {
  return {*this, detail::about_key<A>(wire::Op::stop, key, options), &detail::finish_fence};
}

template <Interface A, Message M>
  requires Handles<A, M>
Operation<ReplyOf<M>> Registry::call(std::string_view key, M message, const ArgsOf<A>& args, CallOptions options) {
  auto submission = detail::about_key<A>(wire::Op::call, key, options);
  detail::pack_args_into(submission.args, args);
  submission.message = EnvelopePtr{new TypedEnvelope<M>(std::move(message))};
  return {*this, std::move(submission), &detail::finish_call<M>};
}

template <Interface A, Message M>
  requires Handles<A, M>
Operation<void> Registry::send(std::string_view key, M message, const ArgsOf<A>& args, CallOptions options) {
  auto submission = detail::about_key<A>(wire::Op::send, key, options);
  detail::pack_args_into(submission.args, args);
  submission.message = EnvelopePtr{new TypedEnvelope<M>(std::move(message))};
  return {*this, std::move(submission), &detail::finish_nothing};
}

template <Interface A>
ManyOperation<ActorRef<A>> Registry::lookup_or_start_many(std::span<const std::string> keys, const ArgsOf<A>& args,
                                                          CallOptions options) {
  return {*this, detail::about_keys<A>(wire::Op::lookup_or_start, keys, detail::pack_args(args), options),
          &detail::finish_ref<A>};
}

template <Interface A>
ManyOperation<ActorRef<A>> Registry::lookup_many(std::span<const std::string> keys, CallOptions options) {
  return {*this, detail::about_keys<A>(wire::Op::lookup, keys, std::nullopt, options), &detail::finish_ref<A>};
}

template <Interface A>
ManyOperation<Fence> Registry::stop_many(std::span<const std::string> keys, CallOptions options) {
  return {*this, detail::about_keys<A>(wire::Op::stop, keys, std::nullopt, options), &detail::finish_fence};
}

template <Interface A>
Operation<Page> Registry::list(std::string_view prefix, const Bytes& cursor, std::size_t limit, CallOptions options) {
  auto submission = detail::about_key<A>(wire::Op::list, prefix, options);
  submission.args = detail::list_args(cursor, limit);
  return {*this, std::move(submission), &detail::finish_page};
}

template <Interface A>
Operation<std::uint64_t> Registry::count(std::string_view prefix, CallOptions options) {
  return {*this, detail::about_key<A>(wire::Op::count, prefix, options), &detail::finish_count};
}

template <Interface A, class Visitor>
Result<std::uint64_t> Registry::for_each(Visitor visit, std::string_view prefix, CallOptions options) {
  std::uint64_t seen = 0;
  Bytes cursor;
  do {
    auto page = list<A>(prefix, cursor, limits::list_page_default, options).get();
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& key : page->keys) visit(std::string_view{key});
    seen += page->keys.size();
    cursor = std::move(page->cursor);
  } while (!cursor.empty());
  return seen;
}

template <Interface A>
template <class M>
Submission ActorRef<A>::submission(wire::Op op, M message, const CallOptions& options) const {
  Submission out = detail::about_key<A>(op, key_, options);
  out.args = args_;
  out.fence = pin_;
  out.message = EnvelopePtr{new TypedEnvelope<M>(std::move(message))};
  return out;
}

template <Interface A>
template <Message M>
  requires Handles<A, M>
Operation<ReplyOf<M>> ActorRef<A>::call(M message, CallOptions options) const {
  return {registry(), submission(wire::Op::call, std::move(message), options), &detail::finish_call<M>};
}

template <Interface A>
template <Message M>
  requires Handles<A, M>
Operation<void> ActorRef<A>::send(M message, CallOptions options) const {
  return {registry(), submission(wire::Op::send, std::move(message), options), &detail::finish_nothing};
}

}  // namespace reki
