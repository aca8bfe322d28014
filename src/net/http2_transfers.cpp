// Bodies that are larger than memory, in an HTTP/2 stream: into a sink while they arrive, out of a
// source while they are sent.

#include <algorithm>
#include <limits>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/http2_session.h"
#include "net/server_context.h"

namespace tenure::net {
namespace {

constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

}  // namespace

/// What a worker thread calls at the end of a step of this stream.
std::function<void()> Http2Session::when_done(Http2Stream& stream) {
  return [&stream, &channel = channel_] {
    channel.loop.post([&stream, &channel] { channel.connection.on_job_done(&stream); });
  };
}

void Http2Session::begin_work(Http2Stream& stream) {
  stream.is_working = true;
  stream.deadline_ns = kNoDeadline;
  ++channel_.jobs;
}

/// By when the client must have sent something, and on average how much.
void Http2Session::await_upload(Http2Stream& stream) {
  const core::Micros timeout = channel_.loop.context().options.body_timeout;
  stream.deadline_ns =
      std::min(transfer_deadline_ns(stream.upload_began_ns, timeout, stream.received),
               channel_.loop.now_ns() + timeout * 1000);
}

// --- into a sink -------------------------------------------------------------------------------

void Http2Session::open_upload(Http2Stream& stream) {
  Exchange& exchange = stream.exchange;
  fill_request(stream);
  exchange.prepare(exchange.request.header("content-encoding"),
                   exchange.request.header("accept-encoding"));
  if (!exchange.is_body_admitted(channel_.loop.context())) return answer(stream, nullptr);
  stream.upload = Http2Stream::Upload::kOpening;
  begin_work(stream);
  if (exchange.open_upload(channel_.loop.context(), when_done(stream))) return;
  --channel_.jobs;
  stream.is_working = false;
  answer(stream, nullptr);
}

void Http2Session::begin_upload(Http2Stream& stream) {
  if (stream.exchange.upload.error()) return refuse_upload(stream);
  if (stream.expects_continue && stream.received == 0) say_continue(stream);
  stream.upload = Http2Stream::Upload::kReceiving;
  stream.upload_began_ns = channel_.loop.now_ns();
  await_upload(stream);
  advance_upload(stream);
}

/// What comes while the sink is busy waits in the stream's body: no more than its window.
void Http2Session::take_upload(Http2Stream& stream, std::string_view bytes) {
  stream.body += bytes;
  stream.received += bytes.size();
  active_ns_ = channel_.loop.now_ns();
  if (stream.upload != Http2Stream::Upload::kReceiving) return;
  await_upload(stream);
  advance_upload(stream);
}

void Http2Session::advance_upload(Http2Stream& stream) {
  if (stream.upload != Http2Stream::Upload::kReceiving) return;
  if (!stream.is_complete && stream.body.size() < BodyUpload::kPieceMax) return;
  stream.upload = Http2Stream::Upload::kStoring;
  stream.is_last_piece = stream.is_complete;
  stream.storing.swap(stream.body);
  stream.store_began_ns = channel_.loop.now_ns();
  begin_work(stream);
  stream.exchange.write_upload(channel_.loop.context(), stream.storing, stream.is_last_piece,
                               when_done(stream));
}

void Http2Session::finish_store(Http2Stream& stream) {
  if (stream.exchange.upload.error()) return refuse_upload(stream);
  nghttp2_session_consume_stream(session_, stream.id, stream.storing.size());
  stream.storing.clear();
  if (stream.is_last_piece) {
    stream.upload = Http2Stream::Upload::kNone;
    stream.storing = std::string();
    stream.exchange.begin_answer();
    return run_on_worker(stream);
  }
  stream.upload = Http2Stream::Upload::kReceiving;
  // What the sink takes is not the client's time.
  stream.upload_began_ns += channel_.loop.now_ns() - stream.store_began_ns;
  await_upload(stream);
  advance_upload(stream);
}

void Http2Session::refuse_upload(Http2Stream& stream) {
  stream.exchange.fill_upload_error();
  answer(stream, nullptr);
}

// --- out of a source ---------------------------------------------------------------------------

/// Has the next piece read; the library asks again for bytes when it is there.
void Http2Session::read_ahead(Http2Stream& stream) {
  if (!stream.exchange.read_ahead(channel_.loop.context(), when_done(stream))) return;
  stream.is_working = true;
  ++channel_.jobs;
}

void Http2Session::finish_read(Http2Stream& stream) {
  stream.exchange.download.read_done();
  await_download(stream);
  nghttp2_session_resume_data(session_, stream.id);  // an error when it was not waited for
}

void Http2Session::await_download(Http2Stream& stream) {
  stream.deadline_ns = channel_.loop.now_ns() + channel_.loop.context().options.body_timeout * 1000;
}

Http2Session::Piece Http2Session::next_piece(Http2Stream& stream, std::size_t size_max) {
  BodyDownload& download = stream.exchange.download;
  if (stream.piece.empty()) {
    if (download.has_failed()) return {.outcome = Piece::Outcome::kFailed, .bytes = {}};
    if (!download.is_ready()) {
      read_ahead(stream);
      stream.deadline_ns = kNoDeadline;  // the source is waited for, and not the client
      return {.outcome = Piece::Outcome::kLater, .bytes = {}};
    }
    stream.piece = download.take();
    read_ahead(stream);
  }
  const std::string_view bytes = stream.piece.substr(0, size_max);
  stream.piece.remove_prefix(bytes.size());
  await_download(stream);
  const bool is_last = stream.piece.empty() && !download.is_open();
  return {.outcome = is_last ? Piece::Outcome::kLast : Piece::Outcome::kBytes, .bytes = bytes};
}

}  // namespace tenure::net
