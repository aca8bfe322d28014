#include "net/http2_callbacks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "core/ascii_case.h"
#include "net/event_loop.h"
#include "net/http2_session.h"

namespace tenure::net {

/// The functions that the library calls. It is C: no exception may pass through it.
struct Http2Callbacks {
  template <typename Work>
  static int guarded(const Work& work) noexcept {
    try {
      return work();
    } catch (const std::exception& exception) {
      EventLoop::log_failure("an HTTP/2 connection failed", exception);
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  static Http2Session& owner(void* data) { return *static_cast<Http2Session*>(data); }

  static bool is_request(const nghttp2_frame* frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* data) {
    if (!is_request(frame)) return 0;
    return guarded([&] {
      Http2Stream* const stream = owner(data).open_stream(frame->hd.stream_id);
      if (stream) {
        return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
      }
      // Not processed, so the client may try again (RFC 9113 section 8.7).
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                       NGHTTP2_REFUSED_STREAM);
    });
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* data) {
    if (!is_request(frame)) return 0;  // trailers: nothing here reads them
    return guarded([&] {
      Http2Session& session = owner(data);
      if (Http2Stream* const stream = session.find(frame->hd.stream_id)) {
        session.take_field(*stream, {reinterpret_cast<const char*>(name), name_size},
                           {reinterpret_cast<const char*>(value), value_size});
      }
      return 0;
    });
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    return guarded([&] {
      Http2Session& session = owner(data);
      const bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      switch (frame->hd.type) {
        case NGHTTP2_HEADERS:
        case NGHTTP2_DATA:
          if (Http2Stream* const stream = session.find(frame->hd.stream_id)) {
            if (is_request(frame)) {
              session.accept_head(*stream, !is_last);
            } else if (is_last) {
              session.complete(*stream);
            }
          }
          break;
        case NGHTTP2_SETTINGS:
          session.is_settled_ = true;
          break;
        default:
          break;
      }
      return 0;
    });
  }

  /// Counts what carries no request. Window updates are as many as there is data, and cost no
  /// answer.
  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* data) {
    const bool is_empty_data = head->type == NGHTTP2_DATA && head->length == 0 &&
                               (head->flags & NGHTTP2_FLAG_END_STREAM) == 0;
    const bool is_useful = head->type == NGHTTP2_HEADERS || head->type == NGHTTP2_DATA ||
                           head->type == NGHTTP2_CONTINUATION ||
                           head->type == NGHTTP2_WINDOW_UPDATE;
    if (is_useful && !is_empty_data) return 0;
    return guarded([&] {
      owner(data).count_control_frame();
      return 0;
    });
  }

  static int on_data(nghttp2_session* session_of, std::uint8_t, std::int32_t id,
                     const std::uint8_t* bytes, std::size_t size, void* data) {
    return guarded([&] {
      Http2Session& session = owner(data);
      if (Http2Stream* const stream = session.find(id)) {
        session.take_body(*stream, {reinterpret_cast<const char*>(bytes), size});
      } else {
        nghttp2_session_consume(session_of, id, size);
      }
      return 0;
    });
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* data) {
    return guarded([&] {
      Http2Session& session = owner(data);
      // A stream that was refused here is not the client's doing.
      if (code != NGHTTP2_NO_ERROR && code != NGHTTP2_REFUSED_STREAM) session.count_reset();
      if (Http2Stream* const stream = session.find(id)) session.close_stream(*stream);
      return 0;
    });
  }

  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    const bool is_end = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!is_end) return 0;
    return guarded([&] {
      owner(data).sent_last_frame(frame->hd.stream_id);
      return 0;
    });
  }

  static ssize_t read_source(Http2Session& session, Http2Stream& stream, std::uint8_t* room,
                             std::size_t size, std::uint32_t* flags) {
    using Outcome = Http2Session::Piece::Outcome;
    Http2Session::Piece piece;
    if (guarded([&] {
          piece = session.next_piece(stream, size);
          return 0;
        }) != 0)
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (piece.outcome == Outcome::kFailed) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (piece.outcome == Outcome::kLater) return NGHTTP2_ERR_DEFERRED;
    std::memcpy(room, piece.bytes.data(), piece.bytes.size());
    if (piece.outcome == Outcome::kLast) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(piece.bytes.size());
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* room, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void* data) {
    Http2Stream& stream = *static_cast<Http2Stream*>(source->ptr);
    Http2Session& session = owner(data);
    if (stream.exchange.source_size) return read_source(session, stream, room, size, flags);
    const std::string& body = stream.exchange.response.body;
    const std::size_t n = std::min(size, body.size() - stream.sent);
    std::memcpy(room, body.data() + stream.sent, n);
    stream.sent += n;
    session.unsent_ -= n;
    stream.deadline_ns = transfer_deadline_ns(
        stream.began_ns, session.channel_.loop.context().options.body_timeout, stream.sent);
    if (stream.sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }

  static nghttp2_session* make(Http2Session& owner) {
    nghttp2_session_callbacks* callbacks = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
    nghttp2_option* option = nullptr;
    if (nghttp2_option_new(&option) != 0) {
      nghttp2_session_callbacks_del(callbacks);
      throw std::bad_alloc();
    }
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1);  // Http2Session::take_body says when
    nghttp2_option_set_max_outbound_ack(option, 10'000);  // ours, which says why, comes first
    nghttp2_option_set_max_settings(option, 32);
    nghttp2_option_set_max_continuations(option, 8);
    nghttp2_session* session = nullptr;
    const int failed = nghttp2_session_server_new2(&session, callbacks, &owner, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (failed != 0) throw std::bad_alloc();
    return session;
  }

  static bool submit(nghttp2_session* session, Http2Stream& stream, const DateLine& date,
                     std::string& scratch);
};

bool Http2Callbacks::submit(nghttp2_session* session, Http2Stream& stream, const DateLine& date,
                            std::string& scratch) {
  const Response& response = stream.exchange.response;
  std::array<char, 8> status{};
  std::array<char, 24> length{};
  const auto status_end =
      std::to_chars(status.data(), status.data() + status.size(), response.status).ptr;
  const std::uint64_t size = stream.exchange.answer_size();
  const auto length_end = std::to_chars(length.data(), length.data() + length.size(), size).ptr;

  std::vector<nghttp2_nv> fields;
  fields.reserve(7 + response.headers.size());
  const auto add = [&](std::string_view name, std::string_view value) {
    // The library copies both; it takes pointers to mutable bytes and changes none.
    const auto bytes = [](std::string_view text) {
      return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
    };
    fields.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  };
  add(":status", {status.data(), static_cast<std::size_t>(status_end - status.data())});
  add("date", date.date());
  if (response.status != 204 && response.status != 304) {
    add("content-type", response.content_type);
    add("content-length", {length.data(), static_cast<std::size_t>(length_end - length.data())});
  }
  add("x-request-id", stream.exchange.request_id);
  const RequestTrace& trace = stream.exchange.trace;
  if (!trace.traceparent().empty()) add("traceparent", trace.traceparent());
  if (!trace.tracestate().empty()) add("tracestate", trace.tracestate());
  std::size_t names = 0;
  for (const auto& header : response.headers) names += header.first.size();
  scratch.clear();
  scratch.reserve(names);  // views into it stay valid
  for (const auto& header : response.headers) {
    const std::size_t from = scratch.size();
    for (const char c : header.first) scratch += core::ascii_lower(c);
    add(std::string_view(scratch).substr(from), header.second);
  }
  nghttp2_data_provider body{};
  body.source.ptr = &stream;
  body.read_callback = read_body;
  const bool has_body = stream.exchange.sends_body() && size > 0;
  return nghttp2_submit_response(session, stream.id, fields.data(), fields.size(),
                                 has_body ? &body : nullptr) == 0;
}

nghttp2_session* make_nghttp2_session(Http2Session& owner) {
  return Http2Callbacks::make(owner);
}

bool submit_answer(nghttp2_session* session, Http2Stream& stream, const DateLine& date,
                   std::string& scratch) {
  return Http2Callbacks::submit(session, stream, date, scratch);
}

}  // namespace tenure::net
