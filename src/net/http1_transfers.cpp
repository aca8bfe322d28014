// Bodies that are larger than memory, on an HTTP/1.1 connection: into a sink while they arrive, out
// of a source while they are sent.

#include <algorithm>
#include <limits>

#include "net/connection.h"
#include "net/event_loop.h"
#include "net/http1_session.h"
#include "net/server_context.h"

namespace tenure::net {

/// What a worker thread calls at the end of a step.
std::function<void()> Http1Session::when_done() {
  return [this] { channel_.loop.post([this] { channel_.connection.on_job_done(nullptr); }); };
}

// --- into a sink -------------------------------------------------------------------------------

bool Http1Session::accept_upload() {
  ServerContext& context = channel_.loop.context();
  const RequestHead& head = parser_.head();
  fill_request({});
  exchange_.prepare(text(head.content_encoding), text(head.accept_encoding));
  if (!exchange_.is_body_admitted(context)) {
    refuse_as_filled();
    return false;
  }
  begin_work();
  phase_ = Phase::kOpening;
  if (exchange_.open_upload(context, when_done())) return false;
  --channel_.jobs;
  refuse_as_filled();
  return false;
}

/// The sink is made: the client may send.
void Http1Session::begin_upload() {
  if (exchange_.upload.error()) return refuse_upload();
  const RequestHead& head = parser_.head();
  body_began_ns_ = channel_.loop.now_ns();
  body_read_ = channel_.in.size() - head.length;
  body_left_ = head.content_length;
  stored_ = 0;
  is_last_piece_ = false;
  chunked_body_.clear();
  is_from_socket_ =
      exchange_.is_on_plain_socket && !head.is_chunked && body_left_ >= BodyUpload::kSocketPiece &&
      body_read_ < BodyUpload::kSocketPiece && exchange_.coding.coding == Coding::kIdentity;
  is_socket_empty_ = false;
  if (is_from_socket_) {
    const auto begun = static_cast<std::size_t>(body_read_);
    exchange_.upload.begin_socket(channel_.in.unread().substr(head.length, begun), body_left_);
    channel_.in.erase(head.length, begun);
    body_left_ -= begun;
  }
  if (head.expects_continue && body_read_ == 0) channel_.out += "HTTP/1.1 100 Continue\r\n\r\n";
  set_deadline(channel_.loop.context().options.body_timeout);
  phase_ = Phase::kReceiving;
}

/// Has a worker thread take what the socket holds.
bool Http1Session::receive() {
  if (is_socket_empty_) return false;
  store_began_ns_ = channel_.loop.now_ns();
  begin_work();
  phase_ = Phase::kStoring;
  exchange_.receive_upload(channel_.loop.context(), channel_.connection.socket_handle(),
                           when_done());
  return false;
}

bool Http1Session::advance_upload() {
  if (is_from_socket_) return receive();
  ReadBuffer& in = channel_.in;
  const RequestHead& head = parser_.head();
  if (!head.is_chunked) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(in.size() - head.length, body_left_));
    return store(in.unread().substr(head.length, size), size == body_left_);
  }
  std::size_t consumed = 0;
  const RequestParser::Step step =
      parser_.parse_chunks(in.unread().substr(head.length),
                           std::numeric_limits<std::uint64_t>::max(), chunked_body_, consumed);
  if (step == RequestParser::Step::kRefused) {
    refuse(parser_.refusal().status, parser_.refusal().detail);
    return false;
  }
  in.erase(head.length, consumed);
  const bool is_last = step == RequestParser::Step::kDone;
  if (!is_last && in.size() - head.length > channel_.loop.context().options.header_max) {
    refuse(431, "A chunk header or the trailers are too large");
    return false;
  }
  return store(chunked_body_, is_last);
}

/// Hands over what has come, once it is a piece or the end. The client is not read from meanwhile,
/// so the bytes stay where they are.
bool Http1Session::store(std::string_view bytes, bool is_last) {
  if (!is_last && bytes.size() < BodyUpload::kPieceMax) return false;
  stored_ = bytes.size();
  is_last_piece_ = is_last;
  store_began_ns_ = channel_.loop.now_ns();
  begin_work();
  phase_ = Phase::kStoring;
  exchange_.write_upload(channel_.loop.context(), bytes, is_last, when_done());
  return false;
}

void Http1Session::finish_store() {
  if (exchange_.upload.error()) return refuse_upload();
  std::size_t received_now = 0;
  if (is_from_socket_) {
    const BodyUpload& upload = exchange_.upload;
    received_now = static_cast<std::size_t>(body_left_ - upload.to_receive());
    body_left_ = upload.to_receive();
    is_last_piece_ = body_left_ == 0;
    is_socket_empty_ = upload.is_socket_empty();
    is_client_gone_ = upload.is_client_gone();
  } else if (parser_.head().is_chunked) {
    chunked_body_.clear();
  } else {
    channel_.in.erase(parser_.head().length, stored_);
    body_left_ -= stored_;
  }
  if (is_last_piece_) {
    is_body_taken_ = true;
    is_from_socket_ = false;
    fill_request({}, true);
    exchange_.begin_answer();
    run_on_worker();
    return;
  }
  // What the sink takes is not the client's time.
  body_began_ns_ += channel_.loop.now_ns() - store_began_ns_;
  set_deadline(channel_.loop.context().options.body_timeout);
  phase_ = Phase::kReceiving;
  if (received_now > 0) received(received_now);
}

void Http1Session::refuse_upload() {
  is_from_socket_ = false;
  exchange_.fill_upload_error();
  refuse_as_filled();
}

// --- out of a source ---------------------------------------------------------------------------

/// The piece before has gone out. Sends the next one if it was read, and has the one after it read.
bool Http1Session::advance_sending() {
  BodyDownload& download = exchange_.download;
  if (download.has_failed()) {
    is_closing_ = true;  // the client sees that bytes are missing
    phase_ = Phase::kHead;
    return true;
  }
  if (download.is_file() && download.is_open()) return advance_file();
  if (download.is_ready()) channel_.body = download.take();
  if (!download.is_open()) {
    phase_ = Phase::kHead;
    return true;
  }
  if (exchange_.read_ahead(channel_.loop.context(), when_done())) ++channel_.jobs;
  return !channel_.body.empty();
}

/// The kernel sends the file, once all that comes before it has gone.
bool Http1Session::advance_file() {
  if (!channel_.out.empty()) return false;
  if (exchange_.send_file(channel_.loop.context(), channel_.connection.socket_handle(),
                          when_done()))
    ++channel_.jobs;
  return false;
}

void Http1Session::end_transfers() {
  exchange_.count_sent(channel_.loop.context());
  if (exchange_.has_transfer()) exchange_.end_transfers(channel_.loop.context());
}

}  // namespace tenure::net
