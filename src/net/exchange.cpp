#include "net/exchange.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#include "core/ascii_case.h"
#include "core/id.h"
#include "core/log.h"
#include "net/problem.h"
#include "net/response_head.h"
#include "net/server_context.h"

namespace tenure::net {
namespace {

constexpr std::uint64_t kBodyBytesPerSecondMin = 16 * 1024;  ///< slower clients get 408

constexpr std::size_t kInlineDecodeMax = 8 * 1024;  ///< larger bodies are decoded on the pool
constexpr std::size_t kInlineEncodeMax = 64 * 1024;
constexpr std::size_t kInlineEncodeMin = 16 * 1024;  ///< encoding less costs more than it saves

/// An answer that waits outside of the server. One that its holder forgets, as when memory runs out
/// on the way there, is refused once the last function that could let it go is gone: neither its
/// connection nor the end of the server waits for it.
class HeldAnswer {
 public:
  HeldAnswer(Exchange& exchange, HeldAnswers& all, std::function<void()> done)
      : exchange_(exchange), all_(all), done_(std::move(done)) {
    all_.begin();
  }
  ~HeldAnswer() {
    if (is_over_) return;
    try {
      exchange_.fill_error(503, "The answer was lost; try again");
      finish();
    } catch (const std::exception& exception) {
      core::log_error("net", "a held answer was lost",
                      {{"error.message", std::string_view(exception.what())}});
    }
  }
  HeldAnswer(const HeldAnswer&) = delete;
  HeldAnswer& operator=(const HeldAnswer&) = delete;

  /// The exchange may be gone when this returns, and the server when it has ended the count.
  void finish() {
    if (std::exchange(is_over_, true)) return;
    done_();
    all_.end();
  }

 private:
  Exchange& exchange_;
  HeldAnswers& all_;
  std::function<void()> done_;
  bool is_over_ = false;
};

bool is_compressed_already(std::string_view content_type) {
  return content_type.starts_with("image/") || content_type.starts_with("application/zip") ||
         content_type.starts_with("application/gzip");
}

}  // namespace

std::int64_t transfer_deadline_ns(std::int64_t began_ns, core::Micros timeout,
                                  std::uint64_t bytes) {
  return began_ns + timeout * 1000 +
         static_cast<std::int64_t>(bytes / kBodyBytesPerSecondMin) * 1'000'000'000;
}

void Exchange::begin_request() {
  request = Request{};
  match = {};
  trace.clear();
  coding = {};
  answer_coding = Coding::kIdentity;
  is_on_worker = false;
}

void Exchange::find_route(const ServerContext& context, Method method, std::string_view path) {
  match = context.router.match(method, path, parameters);
}

std::uint64_t Exchange::body_max(const ServerContext& context) const {
  return match.route && match.route->body_max != 0 ? match.route->body_max
                                                   : context.options.body_max;
}

void Exchange::choose_request_id(std::string_view wanted, core::Micros now) {
  if (!wanted.empty()) {
    request_id.assign(wanted);
    return;
  }
  request_id.resize(36);
  core::uuid_v7(now, request_id.data());
}

void Exchange::join_trace() {
  trace.join(headers);
  request.trace = trace.context();
}

bool Exchange::is_body_admitted(ServerContext& context) {
  if (!match.route || !match.route->before_body) return true;
  begin_answer();
  call(context, match.route->before_body);
  return response.error_detail.empty();
}

bool Exchange::has_blocking_header() const {
  const std::string_view name = match.route->blocking_header;
  return !name.empty() && !request.header(name).empty();
}

void Exchange::prepare(std::string_view content_encoding, std::string_view accept_encoding) {
  coding = content_encoding.empty() ? NamedCoding{} : coding_of(content_encoding);
  answer_coding = accept_encoding.empty() ? Coding::kIdentity : choose_coding(accept_encoding);
  is_on_worker = match.route &&
                 (match.route->is_blocking || is_streamed() || has_blocking_header() ||
                  (coding.coding != Coding::kIdentity && request.body.size() > kInlineDecodeMax));
  request.can_be_held = true;
  request.can_be_moved = !is_on_worker;
}

void Exchange::fill_unknown_coding() {
  fill_error(415, "The body's Content-Encoding is not known here");
  response.headers.emplace_back("Accept-Encoding", std::string(kKnownCodings));
}

bool Exchange::decode_body(ServerContext& context) {
  if (!coding.is_known) {
    fill_unknown_coding();
    return false;
  }
  const std::size_t sent = request.body.size();
  const auto take_room = [&](std::uint64_t bytes) { return hold(context, sent + bytes); };
  switch (decode(coding.coding, request.body, body_max(context), take_room, decoded)) {
    case DecodeOutcome::kDone:
      request.body = decoded;
      return true;
    case DecodeOutcome::kMalformed:
      fill_error(400, "The body is not what its Content-Encoding says");
      return false;
    case DecodeOutcome::kTooLarge:
      fill_error(413, "The request's body is too large once it is decoded");
      return false;
    case DecodeOutcome::kNoRoom:
      fill_error(503, kBodiesFull);
      return false;
  }
  return false;
}

void Exchange::encode_answer(const ServerContext& context) {
  const std::size_t at_least = is_on_worker
                                   ? context.options.compress_min
                                   : std::max(context.options.compress_min, kInlineEncodeMin);
  const bool has_body = response.status != 204 && response.status != 206 && response.status != 304;
  if (context.options.compress_min == 0 || response.body.size() < at_least || !has_body ||
      is_compressed_already(response.content_type)) {
    return;
  }
  for (const auto& header : response.headers) {
    if (core::equals_ignoring_case(header.first, "Content-Encoding")) return;
  }
  response.headers.emplace_back("Vary", "Accept-Encoding");
  std::string encoded;
  if (answer_coding == Coding::kIdentity || !encode(answer_coding, response.body, encoded)) return;
  response.body.swap(encoded);
  response.headers.emplace_back("Content-Encoding", std::string(coding_name(answer_coding)));
  for (auto& header : response.headers) {
    // Another representation: byte for byte it is not what the tag was made for.
    const bool is_strong = header.second.starts_with('"');
    if (is_strong && core::equals_ignoring_case(header.first, "ETag"))
      header.second.insert(0, "W/");
  }
}

void Exchange::begin_answer() {
  response.clear();
  is_finished = false;
  source_size.reset();
}

void Exchange::log_failure(std::string_view what, std::string_view why) const {
  core::log_error("net", what,
                  {{"http.request.id", request.request_id},
                   {"trace.id", trace.trace_id()},
                   {"url.path", request.path},
                   {"error.message", why}});
}

void Exchange::call(ServerContext& context, const Handler& handler) {
  try {
    handler(request, response);
    if (response.status >= 200 && response.status <= 599 && are_headers_safe(response)) return;
    log_failure("the handler gave an invalid status or header", "");
  } catch (const std::exception& exception) {
    log_failure("a handler failed", exception.what());
  } catch (...) {
    log_failure("a handler failed", "not a std::exception");
  }
  context.metrics.count_exception();
  response.clear();
  response.error(500, "Internal Server Error");
}

void Exchange::call_handler(ServerContext& context) {
  if (response.rest) {
    const Handler rest = std::exchange(response.rest, nullptr);
    call(context, rest);
  } else {
    // No more captures: a larger function object would be on the heap.
    call(context, [this, &context](const Request&, Response&) {
      const bool is_coded = coding.coding != Coding::kIdentity || !coding.is_known;
      if (is_coded && !request.body.empty()) {
        // A few bytes may become many: only for those whom the route admits.
        if (match.route->before_body) match.route->before_body(request, response);
        if (!response.error_detail.empty()) return;
        response.clear();
        if (!decode_body(context)) return;
      }
      request.sink = upload.sink();
      match.route->handler(request, response);
    });
  }
  request.sink = nullptr;
  upload.end();  // here, and not on the loop's thread: it may take its time
  give_back_transfer_room(context);
  if (response.rest) {
    is_on_worker = true;
    request.can_be_moved = false;
    return;
  }
  if (response.hold) return;
  try {
    finish(context);
  } catch (const std::exception& exception) {
    log_failure("an answer could not be encoded", exception.what());  // it goes as it is
  }
}

void Exchange::hold_answer(ServerContext& context, const std::function<void()>& done) {
  const auto hold = std::exchange(response.hold, nullptr);
  // It will be finished on the loop, which has no time to compress much.
  is_on_worker = false;
  if (response.body.size() > kInlineEncodeMax) answer_coding = Coding::kIdentity;
  bool is_handed_over = false;
  try {
    const auto answer = std::make_shared<HeldAnswer>(*this, context.held_answers, done);
    is_handed_over = true;
    hold([answer] { answer->finish(); });
  } catch (const std::exception& exception) {
    core::log_error("net", "an answer could not be held",
                    {{"error.message", std::string_view(exception.what())}});
    if (is_handed_over) return;  // the last copy of `answer` has refused it
    fill_error(503, "The answer was lost; try again");
    done();
  }
}

void Exchange::finish(const ServerContext& context) {
  if (std::exchange(is_finished, true)) return;
  finish_error(context.options.render_error, request.path, request_id, response);
  if (response.source) return begin_download();
  if (response.body.size() >= context.options.compress_min) encode_answer(context);
}

bool Exchange::submit(ServerContext& context, std::function<void()> done) {
  auto job = [this, &context, finished = std::move(done)] {
    call_handler(context);
    if (response.hold) return hold_answer(context, finished);
    if (!download.is_empty() && !download.is_file() && !take_transfer_room(context, finished))
      return;
    // While a thread of the lane is at it: head and first piece will leave together.
    if (download.begin_read()) {
      download.read();
      download.read_done();
    }
    finished();
  };
  // A request whose body was taken is not turned away any more.
  const bool is_taken =
      upload.is_open()
          ? lane(context).submit_step(std::move(job))
          : lane(context).submit(match.route->lane == Lane::kEssential, std::move(job));
  if (!is_taken) fill_error(503, kTooMuchWork);
  return is_taken;
}

WorkLane& Exchange::lane(ServerContext& context) const {
  return match.route ? context.lane_of(*match.route) : context.live;
}

bool Exchange::open_upload(ServerContext& context, std::function<void()> done) {
  if (!coding.is_known) {
    fill_unknown_coding();
    return false;
  }
  const auto open = [this, finished = std::move(done)] {
    upload.open(*match.route, request, coding.coding);
    finished();
  };
  // Who waited is not shed any more.
  if (!take_transfer_room(context, [this, &context, open] { lane(context).submit_step(open); }))
    return true;
  const bool is_taken = lane(context).submit(match.route->lane == Lane::kEssential, open);
  if (is_taken) return true;
  give_back_transfer_room(context);
  fill_error(503, kTooMuchWork);
  return false;
}

bool Exchange::take_transfer_room(ServerContext& context, std::function<void()> resume) {
  if (has_transfer_room) return true;
  // Before anybody can resume it: the room is this exchange's from then on.
  has_transfer_room = true;
  return context.transfers.take(std::move(resume));
}

void Exchange::give_back_transfer_room(ServerContext& context) {
  if (std::exchange(has_transfer_room, false)) context.transfers.give_back();
}

void Exchange::write_upload(ServerContext& context, std::string_view bytes, bool is_last,
                            std::function<void()> done) {
  lane(context).submit_step([this, bytes, is_last, finished = std::move(done)] {
    upload.write(bytes, is_last);
    finished();
  });
}

void Exchange::receive_upload(ServerContext& context, int socket, std::function<void()> done) {
  lane(context).submit_step([this, socket, finished = std::move(done)] {
    upload.receive(socket);
    finished();
  });
}

void Exchange::fill_upload_error() {
  const core::Error& error = *upload.error();
  const int status = core::error_code_info(error.code).http_status;
  if (status >= 500) log_failure("the body of a request could not be taken", error.message);
  if (match.route->body_error != nullptr && !error.message.empty()) {
    begin_answer();
    match.route->body_error(response, error);
    return;
  }
  fill_error(status, error.message.empty() ? "Internal Server Error" : error.message);
}

void Exchange::begin_download() {
  response.body.clear();
  source_size = response.source->size();
  // What fits one piece leaves with its head; more is left to the kernel.
  if (is_on_plain_socket && sends_body() && *source_size > BodyDownload::kPieceMax) {
    if (const auto part = response.source->file_part())
      return download.begin_file(std::move(response.source), *part);
  }
  download.begin(std::move(response.source), sends_body() ? *source_size : 0);
}

bool Exchange::read_ahead(ServerContext& context, std::function<void()> done) {
  if (!download.begin_read()) return false;
  lane(context).submit_step([this, finished = std::move(done)] {
    download.read();
    finished();
  });
  return true;
}

bool Exchange::send_file(ServerContext& context, int socket, std::function<void()> done) {
  if (!download.begin_send()) return false;
  lane(context).submit_step([this, socket, finished = std::move(done)] {
    download.send(socket);
    finished();
  });
  return true;
}

void Exchange::end_transfers(ServerContext& context) {
  std::shared_ptr<BodySink> sink = upload.end();
  std::shared_ptr<BodySource> source = download.end();
  give_back_transfer_room(context);
  if (!sink && !source) return;
  lane(context).submit_step(
      [sink = std::move(sink), source = std::move(source)]() mutable noexcept {
        sink.reset();
        source.reset();
      });
}

void Exchange::fill_unmatched() {
  begin_answer();
  if (match.is_path_known) {
    response.error(405, "Method Not Allowed");
    response.headers.emplace_back("Allow", std::string(match.allow));
  } else {
    response.error(404, "Not Found");
  }
}

void Exchange::fill_error(int status, std::string_view detail) {
  begin_answer();
  response.error(status, detail);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
}

bool Exchange::hold(ServerContext& context, std::uint64_t bytes) {
  if (bytes <= kKeepBytes + held) return true;
  const std::uint64_t more = bytes - kKeepBytes - held;
  if (!context.bodies.take(more, held)) return false;
  held += more;
  return true;
}

void Exchange::let_go(ServerContext& context) {
  if (held > 0) context.bodies.give_back(std::exchange(held, 0));
}

void Exchange::release() {
  for (std::string* text : {&decoded, &response.body}) {
    if (text->capacity() > kKeepBytes) *text = std::string();
  }
}

void Exchange::count(ServerContext& context, const Route* route) {
  const std::int64_t now_ns = context.clock.monotonic_ns();
  if (download.is_open()) {
    is_count_due_ = true;
    due_route_ = route;
    due_status_ = response.status;
    due_began_ns_ = std::exchange(began_ns, now_ns);
    return;
  }
  context.metrics.count(route, response.status, std::max<std::int64_t>(now_ns - began_ns, 0));
  began_ns = now_ns;
}

void Exchange::count_due(ServerContext& context) {
  is_count_due_ = false;
  const std::int64_t taken_ns = context.clock.monotonic_ns() - due_began_ns_;
  context.metrics.count(due_route_, due_status_, std::max<std::int64_t>(taken_ns, 0));
}

}  // namespace tenure::net
