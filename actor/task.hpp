#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

#include "reki/actor/operation.hpp"
#include "reki/core/base/cond_var.hpp"

namespace reki {

/// A coroutine that runs when it is awaited, and hands its value to the one who awaits it.
///
///     reki::Task<std::int64_t> twice(reki::Registry& registry) {
///       auto counter = co_await registry.lookup_or_start<Counter>("k");
///       if (!counter) co_return 0;
///       co_await counter->call(Increment{1});
///       co_return (co_await counter->call(Increment{1})).value_or(0);
///     }
///     auto n = reki::wait(twice(registry));
///
/// GCC 12 copies an aggregate that is made within a co_await expression byte by byte, which breaks one that owns memory:
/// give such a message or arguments a name, in a statement of their own.
///
///     const Join ann{"ann"};                    // not: co_await room->call(Join{"ann"})
///     auto there = co_await room->call(ann);
///
/// It resumes on the thread that brings an answer: do not block there. C++20 has no task type of its own; this is the
/// usual lazy one with symmetric transfer (Lewis Baker, "Understanding symmetric transfer").
template <class T = void>
class [[nodiscard]] Task {
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  struct PromiseBase {
    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::variant<std::monostate, std::optional<Value>, std::exception_ptr> outcome;

    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      template <class P>
      std::coroutine_handle<> await_suspend(std::coroutine_handle<P> done) noexcept {
        return done.promise().continuation;
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void unhandled_exception() { outcome.template emplace<2>(std::current_exception()); }
    void set(Value value) { outcome.template emplace<1>(std::move(value)); }
    Value take() {
      if (outcome.index() == 2) std::rethrow_exception(std::get<2>(outcome));
      return std::move(*std::get<1>(outcome));
    }
  };
  struct VoidPromise : PromiseBase {
    void return_void() { this->set({}); }
  };
  struct ValuePromise : PromiseBase {
    void return_value(Value value) { this->set(std::move(value)); }
  };

 public:
  struct promise_type : std::conditional_t<std::is_void_v<T>, VoidPromise, ValuePromise> {
    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    std::coroutine_handle<promise_type> task;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
      task.promise().continuation = waiting;
      return task;
    }
    T await_resume() {
      if constexpr (std::is_void_v<T>) task.promise().take();
      else return task.promise().take();
    }
  };
  Awaiter operator co_await() && { return Awaiter{handle_}; }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

/// Starts at once, destroys itself at the end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

struct WaitState {
  Mutex mutex;
  CondVar changed;
  bool done ABSL_GUARDED_BY(mutex) = false;
  void finish() {
    // Notifies under the lock: the waiter destroys this as soon as it sees `done`.
    const MutexLock lock(mutex);
    done = true;
    changed.notify_one();
  }
  void wait() {
    const MutexLock lock(mutex);
    while (!done) changed.wait(mutex);
  }
};

}  // namespace detail

/// Runs a task and blocks for its value; rethrows what it threw. The calls that it awaits block this thread one after the other,
/// as `.get()` does: in an actor whose type is not `blocking` each is answered with `would_block`.
template <class T>
T wait(Task<T> task) {
  detail::WaitState state;
  std::exception_ptr thrown;
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
  // Named, because a coroutine lambda reads its captures from the closure, which has to outlive it.
  const auto drive = [&]() -> detail::Detached {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        value.emplace();
      } else {
        value.emplace(co_await std::move(task));
      }
    } catch (...) {
      thrown = std::current_exception();
    }
    state.finish();
  };
  {
    const detail::WaitsInPlace in_place(true);
    drive();
  }
  state.wait();
  if (thrown) std::rethrow_exception(thrown);
  if constexpr (!std::is_void_v<T>) return std::move(*value);
}

}  // namespace reki
