#include "reki/actor/registry.hpp"

#include <chrono>
#include <memory>

#include "reki/actor/answer_promise.hpp"
#include "reki/actor/user_code.hpp"
#include "reki/core/base/cond_var.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/bounds.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki {

void Completion::answer_dropped() {
  (*this)(Answer{Error{ErrorCode::internal, "a request was dropped without an answer"}});
}

Submission Submission::with_message() {
  Submission out(static_cast<const wire::RequestBody&>(*this));
  out.message = std::move(message);
  out.timeout = timeout;
  return out;
}

std::optional<Error> encode(const Envelope& envelope, wire::EncodedMessage& out) {
  out.message = envelope.name();
  try {
    envelope.encode(out.payload);
  } catch (...) {  // its fields are users' types
    return Error{ErrorCode::malformed_message, "message '" + out.message + "' cannot be encoded: " + text_of_current_exception()};
  }
  return wire::check_payload(out.payload);
}

std::optional<Error> Submission::encode_into(wire::EncodedRequest& out) && {
  if (auto error = fault()) return error;
  static_cast<wire::RequestBody&>(out) = std::move(*this);
  return message ? encode(*message, out) : std::nullopt;
}

void Registry::submit_many(std::vector<Posting> postings) {
  for (auto& posting : postings) submit(std::move(posting.submission), std::move(posting.done));
}

Answer Registry::exchange(Submission& submission) {
  if (detail::on_worker_thread) return Answer{Error{ErrorCode::would_block}};
  return detail::wait_for_answer(*this, submission.with_message());
}

Registry::Live Registry::find_live(std::string_view, std::string_view) { return {}; }

Result<Watch> Registry::watch(WatchFilter, WatchCallback) {  // NOLINT(performance-unnecessary-value-param): overrides keep them
  return fail(ErrorCode::unsupported, "this registry cannot be watched");
}

Operation<std::vector<TypeDescription>> Registry::describe(std::string_view type, CallOptions options) {
  Submission submission;
  submission.op = wire::Op::describe;
  submission.type = type;
  submission.timeout = options.timeout;
  return {*this, std::move(submission), &detail::finish_describe};
}

namespace detail {

std::atomic<const OutputHooks*> output_hooks{nullptr};
thread_local bool on_worker_thread = false;
thread_local bool waits_in_place = false;

struct OneShotEvent::Shared {
  Mutex mutex;
  CondVar changed;
  bool is_there ABSL_GUARDED_BY(mutex) = false;
};
OneShotEvent::OneShotEvent() : shared_(std::make_shared<Shared>()) {}
void OneShotEvent::set() const {
  const MutexLock lock(shared_->mutex);
  shared_->is_there = true;
  shared_->changed.notify_one();
}
void OneShotEvent::wait() const {
  const MutexLock lock(shared_->mutex);
  while (!shared_->is_there) shared_->changed.wait(shared_->mutex);
}

BlockingCall::BlockingCall()
    : hooks_(output_hooks.load(std::memory_order_acquire)), kept_(hooks_ == nullptr ? nullptr : hooks_->begin_blocking()) {}
BlockingCall::~BlockingCall() {
  if (hooks_ != nullptr) hooks_->end_blocking(kept_);
}

Registry& no_registry() {
  class NoRegistry final : public Registry {
    void submit(Submission, Completion done) override { done(Answer{error()}); }
    Answer exchange(Submission&) override { return Answer{error()}; }
    Result<NodeId> owner(std::string_view, std::string_view) const override { return tl::make_unexpected(error()); }
    static Error error() { return Error{ErrorCode::invalid_argument, "the ref names no actor: it was made by no look-up"}; }
  };
  static NoRegistry none;
  return none;
}

Answer wait_for_answer(Registry& registry, Submission submission) {
  const bool is_message = submission.message != nullptr;
  const Duration patience = std::min<Duration>(submission.timeout, limits::timeout_max) + limits::answer_grace;
  const auto promise = std::make_shared<AnswerPromise>();
  registry.submit(std::move(submission), AnswerPromise::completion(promise));
  if (promise->wait(patience)) return promise->take();
  return Answer{Error{is_message ? ErrorCode::unknown_outcome : ErrorCode::deadline_exceeded}};
}

void send_unanswered(Registry& registry, std::string_view type, std::string_view key, EnvelopePtr message, Bytes args) {
  Submission submission(wire::RequestBody{.op = wire::Op::send, .type = type, .key = key, .args = std::move(args)});
  submission.message = std::move(message);
  registry.submit(std::move(submission), Completion{});
}

Bytes list_args(const Bytes& cursor, std::size_t limit) {
  return wire::encode_list_args({cursor, static_cast<std::uint32_t>(std::min(limit, limits::list_page_max + 1))});
}

Result<Page> finish_page(Registry&, Submission&&, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  const auto page = wire::decode_list_page(answer.payload);
  if (!page) return tl::make_unexpected(page.error());
  return Page{{page->keys.begin(), page->keys.end()}, Bytes{page->cursor}};
}

Result<std::uint64_t> finish_count(Registry&, Submission&&, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  return wire::decode_count(answer.payload);
}

Result<std::vector<TypeDescription>> finish_describe(Registry&, Submission&&, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  return decode_descriptions(answer.payload);
}

}  // namespace detail
}  // namespace reki
