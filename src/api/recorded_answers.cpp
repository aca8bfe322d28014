#include "api/recorded_answers.h"

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/open_inference/infer_http.h"

namespace tenure::api {
namespace {

using serving::AnswerGate;

constexpr std::string_view kRefusal =
    "The prediction log cannot record this prediction now, and monitoring.prediction_log.policy is "
    "'block'; try again";

constexpr std::string_view kTooLarge =
    "A row is larger than the prediction log takes, and monitoring.prediction_log.policy is "
    "'block'; shorten its texts, or raise monitoring.prediction_log.buffer_events";

std::string_view text_of(Unrecorded why) {
  return why == Unrecorded::kNever ? kTooLarge : kRefusal;
}

core::Error refusal(Unrecorded why) {
  return core::Error{why == Unrecorded::kNever ? core::ErrorCode::kResourceExhausted
                                               : core::ErrorCode::kUnavailable,
                     std::string(text_of(why))};
}

Unrecorded why_not(const AnswerGate& gate, AnswerGate::Ticket ticket) {
  return gate.was_too_large(ticket) ? Unrecorded::kNever : Unrecorded::kNow;
}

/// Keeps what stands around the handler has said in header fields: origins, rates.
void clear_answer(net::Response& response) {
  auto headers = std::exchange(response.headers, {});
  response.clear();
  response.headers = std::move(headers);
}

/// For a carrier that cannot hold an answer: the thread waits.
void wait_until_recorded(AnswerGate& gate, AnswerGate::Ticket ticket, RefuseUnrecorded refuse,
                         net::Response& response) {
  std::promise<bool> recorded;
  auto is_recorded = recorded.get_future();
  gate.when_recorded(ticket, [&recorded](bool is_done) { recorded.set_value(is_done); });
  if (!is_recorded.get()) refuse(why_not(gate, ticket), response);
}

/// A handler whose answer waits for its record.
struct RecordedHandler {
  AnswerGate& gate;
  net::Handler handler;
  RefuseUnrecorded refuse;

  void operator()(const net::Request& request, net::Response& response) const {
    const auto ticket = gate.begin();
    if (!ticket) return refuse(Unrecorded::kNow, response);
    handler(request, response);
    if (response.rest) {  // nothing was predicted yet; a worker does
      response.rest = RecordedHandler{gate, std::exchange(response.rest, nullptr), refuse};
      return;
    }
    if (response.status != 200) return;  // nothing was predicted, or nothing is told
    if (!request.can_be_held) return wait_until_recorded(gate, *ticket, refuse, response);
    response.hold = [gate = &gate, &response, refuse = refuse,
                     ticket = *ticket](std::function<void()> resume) {
      gate->when_recorded(
          ticket, [gate, &response, refuse, ticket, resume = std::move(resume)](bool is_recorded) {
            if (!is_recorded) refuse(why_not(*gate, ticket), response);
            resume();
          });
    };
  }
};

}  // namespace

void refuse_unrecorded(Unrecorded why, net::Response& response) {
  clear_answer(response);
  response.error(why == Unrecorded::kNever ? 413 : 503, text_of(why));
  if (why == Unrecorded::kNow) response.headers.emplace_back("Retry-After", "1");
}

void refuse_unrecorded_inference(Unrecorded why, net::Response& response) {
  clear_answer(response);
  answer_inference_error(refusal(why), response);
}

void refuse_unrecorded_scoring(Unrecorded why, net::Response& response) {
  clear_answer(response);
  const bool is_now = why == Unrecorded::kNow;
  response.status = is_now ? 503 : 413;
  if (is_now) response.headers.emplace_back("Retry-After", "1");
  response.body = is_now ? "{\"error_code\":\"TEMPORARILY_UNAVAILABLE\",\"message\":"
                         : "{\"error_code\":\"BAD_REQUEST\",\"message\":";
  net::append_json_string(response.body, text_of(why));
  response.body += '}';
}

net::Handler recorded(const Services& services, net::Handler handler, RefuseUnrecorded refuse) {
  if (services.answer_gate == nullptr) return handler;
  return RecordedHandler{*services.answer_gate, std::move(handler), refuse};
}

void finish_recorded(const Services& services, const std::function<core::Result<>()>& predict,
                     std::function<void(const core::Result<>&)> finish) {
  AnswerGate* const gate = services.answer_gate;
  if (gate == nullptr) return finish(predict());
  const auto ticket = gate->begin();
  if (!ticket) return finish(refusal(Unrecorded::kNow));
  const core::Result<> done = predict();
  if (!done) return finish(done);
  gate->when_recorded(
      *ticket, [gate, ticket = *ticket, finish = std::move(finish)](bool is_recorded) {
        finish(is_recorded ? core::Result<>() : core::Result<>(refusal(why_not(*gate, ticket))));
      });
}

}  // namespace tenure::api
