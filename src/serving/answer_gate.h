#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace tenure::serving {

/// Holds answers back until the events of their predictions are durable, where a project asks for
/// that. Implemented by monitoring::PredictionLog under policy `block`; declared here so that the
/// protocols depend on nothing above serving. Thread-safe.
///
///   const auto ticket = gate.begin();          // nothing: refuse the request, no work was done
///   predictor.predict(...);                    // on this thread
///   gate.when_recorded(*ticket, [](bool is_recorded) { send the answer, or refuse });
class AnswerGate {
 public:
  using Ticket = std::uint64_t;

  virtual ~AnswerGate() = default;

  /// Before predicting; nothing while events cannot be kept.
  virtual std::optional<Ticket> begin() noexcept = 0;

  /// After predicting, on the thread that did: calls `done` once, at once or later from another
  /// thread. True: every event since begin() is durable. False: that cannot be had now, and the
  /// answer must not be sent; some of its events may be recorded all the same. `done` must not
  /// throw, nor wait.
  virtual void when_recorded(Ticket ticket,
                             std::function<void(bool is_recorded)> done) noexcept = 0;

  /// After a false: whether an event since begin() was larger than can be kept at all, so that to
  /// try again is of no use.
  virtual bool was_too_large(Ticket) const noexcept { return false; }
};

}  // namespace tenure::serving
