// libFuzzer target: any bytes behind HTTP/2's preface end in answers or in the end of the session,
// within the limits. Seeds: corpus/http2_session.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/metric.h"
#include "net/connection.h"
#include "net/event_loop.h"
#include "net/http2_session.h"

namespace {

using namespace tenure;

void expect(bool holds) {
  if (!holds) std::abort();
}

net::Router make_router() {
  net::Route get;
  get.path = "/";
  get.handler = [](const net::Request& request, net::Response& response) {
    response.text(200, request.query);
  };
  net::Route post;
  post.method = net::Method::kPost;
  post.path = "/{name}";
  post.handler = [](const net::Request& request, net::Response& response) {
    response.text(200, request.body);
  };
  std::vector<net::Route> routes;
  routes.push_back(get);
  routes.push_back(post);
  return net::Router(std::move(routes));
}

net::HttpServerOptions small_limits() {
  net::HttpServerOptions options;
  options.body_max = 4096;
  options.header_max = 1024;
  options.streams_max = 8;
  return options;
}

/// A server without a socket. Made once: it has threads.
struct Server {
  core::ManualClock clock{784'111'777'000'000};
  core::MetricRegistry metrics;
  net::Router router = make_router();
  net::ServerContext context{.options = small_limits(),
                             .router = router,
                             .clock = clock,
                             .metrics = net::HttpMetrics(metrics, router),
                             .live = net::WorkLane({}, 1, 0, "live", metrics),
                             .batch = net::WorkLane({}, 1, 0, "batch", metrics),
                             .bodies = net::BodyBudget(1 << 20),
                             .transfers = net::TransferBudget(1 << 20)};
  net::EventLoop loop{context};
  net::Connection connection{loop};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server;
  net::Channel channel{.loop = server.loop,
                       .connection = server.connection,
                       .in = {},
                       .out = {},
                       .remote = "127.0.0.1:1"};
  net::Http2Session session(channel);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  // The first byte says into how large pieces the rest is cut.
  const std::size_t piece = 1 + static_cast<unsigned char>(input[0]);
  const std::string bytes = std::string(net::kHttp2Preface) + std::string(input.substr(1));
  std::string_view rest = bytes;
  while (!rest.empty() && !session.is_over()) {
    const std::string_view now = rest.substr(0, std::min(piece, rest.size()));
    rest.remove_prefix(now.size());
    std::memcpy(channel.in.make_room(now.size()).data(), now.data(), now.size());
    channel.in.produced(now.size());
    if (!session.receive() || !session.produce(64 * 1024)) return 0;
    expect(channel.in.size() == 0);
    expect(channel.out.size() < 1024 * 1024);
    channel.out.clear();
  }
  session.check_deadlines(server.clock.monotonic_ns() + 3'600'000'000'000);
  session.drain_step(true);
  static_cast<void>(session.produce(64 * 1024));
  return 0;
}
