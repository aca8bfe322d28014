#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>

#include "net/test_client.h"

namespace tenure::net {

/// For tests: an HTTP/2 client over a TestClient's socket. The library keeps the protocol's state;
/// raw bytes may be sent past it.
class TestHttp2Client {
 public:
  struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers;
    std::string body;
    bool is_closed = false;
    std::uint32_t error = 0;
  };

  explicit TestHttp2Client(std::uint16_t port) : socket_(port) {
    // Window updates are small, and the server waits for them.
    const int on = 1;
    ::setsockopt(socket_.handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* data) {
          Answer& answer = self(data).answers_[frame->hd.stream_id];
          const std::string key(reinterpret_cast<const char*>(name), name_size);
          const std::string text(reinterpret_cast<const char*>(value), value_size);
          if (key == ":status") answer.status = std::stoi(text);
          if (key == ":status" && text == "100") ++self(data).continues_;
          answer.headers[key] = text;
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                      std::size_t size, void* data) {
          self(data).answers_[id].body.append(reinterpret_cast<const char*>(bytes), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* data) {
          self(data).answers_[id].is_closed = true;
          self(data).answers_[id].error = code;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, [](nghttp2_session*,
                                                                       const nghttp2_frame* frame,
                                                                       void* data) {
      if (frame->hd.type == NGHTTP2_GOAWAY) {
        self(data).go_aways_.push_back({frame->goaway.last_stream_id, frame->goaway.error_code});
      }
      return 0;
    });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~TestHttp2Client() { nghttp2_session_del(session_); }
  TestHttp2Client(const TestHttp2Client&) = delete;
  TestHttp2Client& operator=(const TestHttp2Client&) = delete;

  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// Sends a request; its stream's id. `is_whole` false: more of the body may follow raw.
  std::int32_t request(const std::string& method, const std::string& path, std::string body = {},
                       const Fields& more = {}, bool is_whole = true) {
    Fields fields = {
        {":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "localhost"}};
    fields.insert(fields.end(), more.begin(), more.end());
    std::vector<nghttp2_nv> list;
    for (auto& [name, value] : fields) {
      list.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                      reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                      NGHTTP2_NV_FLAG_NONE});
    }
    bodies_.push_back(std::make_unique<Body>(Body{std::move(body), 0, is_whole}));
    nghttp2_data_provider provider{};
    provider.source.ptr = bodies_.back().get();
    provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* room,
                                std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                                void*) -> ssize_t {
      Body& data = *static_cast<Body*>(source->ptr);
      const std::size_t n = std::min(size, data.text.size() - data.sent);
      std::copy_n(data.text.data() + data.sent, n, room);
      data.sent += n;
      if (data.sent == data.text.size() && data.is_whole) *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (n == 0 && !data.is_whole) return NGHTTP2_ERR_DEFERRED;
      return static_cast<ssize_t>(n);
    };
    const bool has_body = !bodies_.back()->text.empty() || !is_whole;
    const std::int32_t id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                                   has_body ? &provider : nullptr, nullptr);
    flush();
    return id;
  }

  Answer ask(const std::string& method, const std::string& path, std::string body = {},
             const Fields& more = {}) {
    return wait_for(request(method, path, std::move(body), more));
  }

  /// Reads until the stream is closed, or the connection is.
  Answer wait_for(std::int32_t id) {
    while (!answers_[id].is_closed && step()) {
    }
    return answers_[id];
  }

  /// Reads until its GOAWAYs have come and the server has closed.
  void wait_until_closed() {
    while (step()) {
    }
  }
  bool wait_for_go_aways(std::size_t n) {
    while (go_aways_.size() < n && step()) {
    }
    return go_aways_.size() >= n;
  }

  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    flush();
  }

  /// Sends what the library has to say; false when the connection broke.
  bool flush() {
    const std::uint8_t* bytes = nullptr;
    for (;;) {
      const auto n = nghttp2_session_mem_send(session_, &bytes);
      if (n <= 0) return n == 0;
      if (!socket_.send({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n)}))
        return false;
    }
  }

  bool step() {
    flush();
    if (socket_.receive_once() == 0) return false;
    const std::string bytes = socket_.take_buffered();
    const auto n = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    flush();
    return n >= 0;
  }

  struct GoAway {
    std::int32_t last_stream;
    std::uint32_t error;
  };
  const std::vector<GoAway>& go_aways() const { return go_aways_; }
  int continues() const { return continues_; }
  TestClient& socket() { return socket_; }

  /// A frame as it stands in RFC 9113 section 4.1.
  static std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                           std::string_view payload) {
    std::string out;
    const auto size = static_cast<std::uint32_t>(payload.size());
    for (const int shift : {16, 8, 0}) out += static_cast<char>(size >> shift & 0xFF);
    out += static_cast<char>(type);
    out += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift & 0xFF);
    out += payload;
    return out;
  }

 private:
  struct Body {
    std::string text;
    std::size_t sent = 0;
    bool is_whole = true;
  };
  static TestHttp2Client& self(void* data) { return *static_cast<TestHttp2Client*>(data); }

  TestClient socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Answer> answers_;
  std::vector<std::unique_ptr<Body>> bodies_;
  std::vector<GoAway> go_aways_;
  int continues_ = 0;
};

}  // namespace tenure::net
