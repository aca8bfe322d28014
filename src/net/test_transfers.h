#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/assert.h"
#include "core/clock.h"
#include "net/http_server.h"

namespace tenure::net {

/// For tests: byte `i` of the body that sources give and sinks expect. Repeats after 32 MiB.
inline char transfer_byte(std::uint64_t i) {
  i %= 1 << 25;
  return static_cast<char>('a' + (i ^ (i >> 8) ^ (i >> 17)) % 26);
}

inline std::string transfer_text(std::uint64_t size, std::uint64_t from = 0) {
  std::string text(static_cast<std::size_t>(size), ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = transfer_byte(from + i);
  return text;
}

/// What happened to the bodies of a server.
struct TransferCounts {
  std::atomic<int> sources{0}, sinks{0};  ///< that live
  std::atomic<std::uint64_t> read{0}, written{0};
  std::atomic<std::uint64_t> reads{0}, writes{0};
  std::atomic<std::uint64_t> piece_max{0};
  std::atomic<int> handled{0};
  std::atomic<bool> is_right{true};  ///< every byte was the expected one
  std::atomic<bool> may_write{true};
  std::atomic<bool> may_read{true};

  void saw_piece(std::uint64_t size) {
    std::uint64_t before = piece_max.load();
    while (before < size && !piece_max.compare_exchange_weak(before, size)) {
    }
  }
};

inline std::uint64_t query_number(const Request& request, std::string_view name) {
  return std::stoull("0" + request.query_parameter(name).value_or(""));
}

class CountedSource final : public BodySource {
 public:
  CountedSource(TransferCounts& counts, std::uint64_t size, std::uint64_t fail_at)
      : counts_(counts), size_(size), fail_at_(fail_at) {
    ++counts_.sources;
  }
  ~CountedSource() override {
    --counts_.sources;
    counts_.sources.notify_all();
  }
  std::uint64_t size() const override { return size_; }
  core::Result<std::size_t> read(std::span<char> out) override {
    counts_.may_read.wait(false);
    ++counts_.reads;
    counts_.saw_piece(out.size());
    if (fail_at_ > 0 && at_ + out.size() >= fail_at_)
      return core::Error{core::ErrorCode::kUnavailable, "the disk is gone"};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = transfer_byte(at_ + i);
    at_ += out.size();
    counts_.read += out.size();
    return out.size();
  }

 private:
  TransferCounts& counts_;
  std::uint64_t size_, fail_at_;
  std::uint64_t at_ = 0;
};

class CountedSink final : public BodySink {
 public:
  CountedSink(TransferCounts& counts, std::uint64_t fail_at) : counts_(counts), fail_at_(fail_at) {
    ++counts_.sinks;
  }
  ~CountedSink() override {
    --counts_.sinks;
    counts_.sinks.notify_all();
  }
  core::Result<> write(std::string_view bytes) override {
    counts_.may_write.wait(false);
    ++counts_.writes;
    counts_.saw_piece(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != transfer_byte(taken_ + i)) counts_.is_right = false;
    }
    taken_ += bytes.size();
    counts_.written += bytes.size();
    if (fail_at_ > 0 && taken_ >= fail_at_)
      return core::Error{core::ErrorCode::kResourceExhausted, "the disk is full"};
    return {};
  }
  std::uint64_t taken() const { return taken_; }

 private:
  TransferCounts& counts_;
  std::uint64_t fail_at_;
  std::uint64_t taken_ = 0;
};

/// For tests: a server of bodies that are larger than memory.
///   GET /source?size=N&fail_at=N, also from the event loop as /source-on-loop
///   PUT /sink?fail_at=N answers how many bytes it took; with X-Refuse its sink is not made
class TransferServer {
 public:
  static HttpServerOptions quick_options() {
    return {.port = 0,
            .threads = 1,
            .worker_threads = 2,
            .body_max = 1000,
            .bodies_max = 64 * 1024 + 1000};
  }

  explicit TransferServer(HttpServerOptions options = quick_options())
      : clock_(784'111'777'000'000), router_(routes()) {
    auto server = HttpServer::listen(std::move(options), router_, metrics_, clock_);
    TENURE_ASSERT(server.has_value());
    server_ = std::move(*server);
    server_->start();
  }
  ~TransferServer() {
    let_through();
    server_.reset();
  }
  TransferServer(const TransferServer&) = delete;
  TransferServer& operator=(const TransferServer&) = delete;

  std::uint16_t port() const { return server_->port(); }
  HttpServer& server() { return *server_; }
  core::ManualClock& clock() { return clock_; }
  TransferCounts& counts() { return counts_; }

  void hold_writes() { counts_.may_write = false; }
  void hold_reads() { counts_.may_read = false; }
  void let_through() {
    for (std::atomic<bool>* gate : {&counts_.may_write, &counts_.may_read}) {
      gate->store(true);
      gate->notify_all();
    }
  }
  void wait_until_all_are_gone() {
    for (std::atomic<int>* count : {&counts_.sources, &counts_.sinks}) {
      for (int n = count->load(); n != 0; n = count->load()) count->wait(n);
    }
  }

 private:
  std::vector<Route> routes() {
    const auto download = [this](const Request& request, Response& response) {
      response.content_type = "application/octet-stream";
      response.source = std::make_unique<CountedSource>(counts_, query_number(request, "size"),
                                                        query_number(request, "fail_at"));
    };
    const auto taken = [this](const Request& request, Response& response) {
      ++counts_.handled;
      const auto* const sink = static_cast<const CountedSink*>(request.sink);
      response.text(200, std::to_string(sink->taken()) + request.query_parameter("x").value_or(""));
    };
    const auto open = [this](const Request& request) -> core::Result<std::unique_ptr<BodySink>> {
      if (!request.header("X-Refuse").empty())
        return core::Error{core::ErrorCode::kPermissionDenied, "not here"};
      return std::make_unique<CountedSink>(counts_, query_number(request, "fail_at"));
    };
    const auto invited = [](const Request& request, Response& response) {
      if (!request.header("X-Uninvited").empty()) response.error(401, "not invited");
    };
    return {{.method = Method::kGet, .path = "/source", .handler = download, .is_blocking = true},
            {.method = Method::kGet, .path = "/source-on-loop", .handler = download},
            {.method = Method::kPut,
             .path = "/sink",
             .handler = taken,
             .before_body = invited,
             .open_body = open},
            {.method = Method::kGet, .path = "/ping", .handler = [](const Request&, Response& out) {
               out.text(200, "pong");
             }}};
  }

  core::ManualClock clock_;
  core::MetricRegistry metrics_;
  TransferCounts counts_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace tenure::net
