#pragma once

#include <atomic>
#include <coroutine>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "reki/actor/answer.hpp"
#include "reki/actor/envelope.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/bounds.hpp"
#include "reki/core/wire/request_body.hpp"

namespace reki {

class Registry;

/// What a caller may choose for one call.
struct CallOptions {
  /// How long the whole call may take, redirects and retries included. > 0, <= limits::timeout_max.
  Duration timeout = limits::timeout_default;
  /// While the actor is in back-off after a crash: wait for it if the deadline allows (true), or answer
  /// `restarting` with the time of the next try at once (false).
  bool wait_for_restart = true;
};

/// One request to a registry, in the terms of docs/protocol.md, section 2.
struct Submission : wire::RequestBody {
  Submission() = default;
  explicit Submission(wire::RequestBody body) : wire::RequestBody(std::move(body)) {}
  Submission(wire::Op o, std::string_view t, std::string_view k) : wire::RequestBody{.op = o, .type = t, .key = k} {}

  EnvelopePtr message;  ///< call and send
  Duration timeout = limits::timeout_default;

  /// A copy that has the message, which this one is without then.
  [[nodiscard]] Submission with_message();
  /// What is wrong with it: wire::check_submission.
  [[nodiscard]] std::optional<Error> fault() const {
    const auto name = message ? std::optional{message->name()} : std::nullopt;
    if (wire::is_sound(*this, name, timeout)) [[likely]] return std::nullopt;
    return wire::check_submission(*this, name, timeout);
  }
  /// Gives its body and its message, encoded, or says what is wrong with it: `fault`, or with the message's own bytes.
  [[nodiscard]] std::optional<Error> encode_into(wire::EncodedRequest& out) &&;
};

/// One request and where its answer goes.
struct Posting {
  Submission submission;
  Completion done;
};

namespace detail {

/// Set while this thread is in reki::wait: what a coroutine awaits on it is asked by `.get()`, so that it works wherever that
/// does, and answers `would_block` where that would.
extern thread_local bool waits_in_place;
class WaitsInPlace {
 public:
  explicit WaitsInPlace(bool now) : before_(std::exchange(waits_in_place, now)) {}
  ~WaitsInPlace() { waits_in_place = before_; }
  WaitsInPlace(const WaitsInPlace&) = delete;
  WaitsInPlace& operator=(const WaitsInPlace&) = delete;

 private:
  const bool before_;
};

}  // namespace detail

/// The three ways to run a call. Nothing is sent before one of them is used; each may be used once.
///
///     auto r = registry.lookup<Counter>("k").get();            // blocks, at most for the call's time-out
///     registry.lookup<Counter>("k").then([](auto r) { ... });  // on the thread that brings the answer: do not block it
///     auto r = co_await registry.lookup<Counter>("k");         // resumes on that same thread
///
/// Derived provides `void run(callback)`, `void forget()` and `Value get()`.
template <class Derived, class Value>
class Runnable {
 public:
  template <class Callback>
  void then(Callback callback) {
    self().run(std::move(callback));
  }
  /// Sends it and forgets it: its outcome is told to nobody.
  void detach() { self().forget(); }

  class Awaiter {
   public:
    explicit Awaiter(Derived&& operation) : operation_(std::move(operation)) {}
    [[nodiscard]] bool await_ready() {
      if (!detail::waits_in_place) return false;
      const detail::WaitsInPlace not_meanwhile(false);
      value_.emplace(operation_.get());
      return true;
    }
    bool await_suspend(std::coroutine_handle<> waiting) {
      operation_.run([this, waiting](Value value) {
        value_.emplace(std::move(value));
        // Whoever comes second goes on: an answer that came before this function returned must not resume from
        // inside of it.
        if (second_.exchange(true, std::memory_order_acq_rel)) waiting.resume();
      });
      return !second_.exchange(true, std::memory_order_acq_rel);
    }
    Value await_resume() { return std::move(*value_); }

   private:
    Derived operation_;
    std::optional<Value> value_;
    std::atomic<bool> second_ = false;
  };
  Awaiter operator co_await() && { return Awaiter{std::move(self())}; }

 private:
  Derived& self() { return static_cast<Derived&>(*this); }
};

/// True for a T that holds its key and args: they are kept until the answer is there.
template <class T>
inline constexpr bool made_of_key = false;

/// A call that answers with one T, as a Result<T> or what is derived from that.
template <class T, class Value = Result<T>>
class [[nodiscard]] Operation : public Runnable<Operation<T, Value>, Value> {
 public:
  /// Turns the answer into a T. Of what was sent it gets the key and args if a T is made of them (`made_of_key`).
  using Finish = Value (*)(Registry& registry, Submission&& sent, Answer&& answer);

  Operation(Registry& registry, Submission submission, Finish finish)
      : registry_(&registry), submission_(std::move(submission)), finish_(finish) {}
  /// About one key, without a message; in its place at once, which counts where the answer takes no longer than a move.
  Operation(Registry& registry, Finish finish, wire::Op op, std::string_view type, std::string_view key,
            const CallOptions& options)
      : registry_(&registry), submission_(op, type, key), finish_(finish) {
    submission_.timeout = options.timeout;
    submission_.flags = options.wait_for_restart ? 0U : wire::fail_if_restarting;
  }
  template <class Args>
  Operation(Registry& registry, Finish finish, wire::Op op, std::string_view type, std::string_view key,
            const CallOptions& options, const Args& args)
      : Operation(registry, finish, op, type, key, options) {
    detail::pack_args_into(submission_.args, args);
  }

  Value get();
  template <class Callback>
  void run(Callback callback);
  void forget();

 private:
  Registry* registry_;
  Submission submission_;
  Finish finish_;
};

/// A call about many keys: a result a key, in the keys' order.
template <class T>
class [[nodiscard]] ManyOperation : public Runnable<ManyOperation<T>, std::vector<Result<T>>> {
 public:
  using Finish = typename Operation<T>::Finish;

  /// The postings without completions yet.
  ManyOperation(Registry& registry, std::vector<Posting> postings, Finish finish)
      : registry_(&registry), postings_(std::move(postings)), finish_(finish) {}

  std::vector<Result<T>> get();
  template <class Callback>
  void run(Callback callback);
  void forget();

 private:
  Registry* registry_;
  std::vector<Posting> postings_;
  Finish finish_;
};

}  // namespace reki
