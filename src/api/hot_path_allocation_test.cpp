// From the bytes of a request to the bytes of its answer the server asks the heap for nothing once
// it is warm: a real server on a real socket, in this process, with every operator new counted.

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <unistd.h>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "api/test_api.h"
#include "auth/guard.h"
#include "auth/jwt.h"
#include "auth/testing/jwt_examples.h"
#include "core/testing/counted_allocations.h"
#include "net/http_server.h"

namespace tenure::api {
namespace {

/// A client that allocates nothing, either.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_open_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool is_open() const { return is_open_; }

  /// Sends a request and reads until the answer's body has ended; the answer's first bytes.
  std::string_view ask(std::string_view request) {
    if (::write(socket_, request.data(), request.size()) != static_cast<ssize_t>(request.size()))
      return {};
    std::size_t have = 0;
    while (have < sizeof buffer_) {
      const ssize_t n = ::read(socket_, buffer_ + have, sizeof buffer_ - have);
      if (n <= 0) return {};
      have += static_cast<std::size_t>(n);
      // Every answer of this test is one JSON object on one connection.
      if (buffer_[have - 1] == '}') break;
    }
    return {buffer_, have};
  }

 private:
  int socket_;
  bool is_open_ = false;
  char buffer_[16384] = {};
};

struct Case {
  std::string_view path, body, headers = {};
};

std::string post(const Case& request) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "{}Content-Length: {}\r\n\r\n{}",
      request.path, request.headers, request.body.size(), request.body);
}

/// The fewest allocations of a warm batch of requests.
std::size_t fewest_allocations(TestApi& api, const std::string& request) {
  core::MetricRegistry metrics;
  const core::ManualClock clock(TestApi::kNow);  // as that of the routes, for deadlines
  net::HttpServerOptions options;
  options.port = 0;
  options.threads = 1;
  auto server = net::HttpServer::listen(options, api.router(), metrics, clock);
  EXPECT_TRUE(server.has_value());
  (*server)->start();
  RawClient client((*server)->port());
  EXPECT_TRUE(client.is_open());
  for (int i = 0; i < 50; ++i)
    EXPECT_TRUE(client.ask(request).starts_with("HTTP/1.1 200")) << client.ask(request);
  // The loop's clock ticks once a second and may allocate then; a request that did would show in
  // every batch.
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  bool is_answered = true;
  for (int batch = 0; batch < 5 && fewest != 0; ++batch) {
    const std::size_t before = core::testing::allocation_count();
    for (int i = 0; i < 200; ++i) is_answered &= client.ask(request).starts_with("HTTP/1.1 200");
    fewest = std::min(fewest, core::testing::allocation_count() - before);
  }
  EXPECT_TRUE(is_answered);
  (*server)->drain();
  return fewest;
}

class HotPathAllocation : public testing::TestWithParam<Case> {};

TEST_P(HotPathAllocation, IsZeroBetweenTheBytesOfARequestAndOfItsAnswer) {
  TestApi api;
  api.serve_mixed();
  EXPECT_EQ(fewest_allocations(api, post(GetParam())), 0U);
}

TEST_P(HotPathAllocation, IsZeroAlsoWhenACanarySharesTheRequests) {
  TestApi api(100, {.canary_slots = 5'000});
  api.serve_mixed();
  api.serve_canary();
  EXPECT_EQ(fewest_allocations(api, post(GetParam())), 0U);
}

TEST(HotPathAllocationWithAToken, IsZeroHoweverTheTokenIsSent) {
  const core::SystemClock clock;
  core::MetricRegistry metrics;
  auth::Guard guard({.is_enabled = true, .per_token = {.requests = 1'000'000}}, clock, metrics);
  auth::Token token;
  token.name = "a-name-that-does-not-fit-into-a-small-string";
  token.digest = core::sha256("tnr_00000001_0123456789abcdef0123456789abcdef");
  token.models = {"churn"};
  guard.set_tokens({token});
  TestApi api(100, {.guard = &guard, .origins = {"https://shop.example"}});
  api.serve_mixed();
  for (const char* header :
       {"Authorization: Bearer tnr_00000001_0123456789abcdef0123456789abcdef\r\n",
        "X-API-Key: tnr_00000001_0123456789abcdef0123456789abcdef\r\n"
        "Origin: https://shop.example\r\n",
        "Authorization: Basic "
        "dXNlcjp0bnJfMDAwMDAwMDFfMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\r\n"})
    EXPECT_EQ(fewest_allocations(
                  api, post({"/predict", R"({"features":[[3,50.5,"Pro",null]]})", header})),
              0U);
}

TEST(HotPathAllocationWithAJwt, IsZeroOnceItWasVerified) {
  const core::ManualClock clock(1'800'000'000'000'000);  // before the example ends
  core::MetricRegistry metrics;
  auth::Guard guard({.is_enabled = true, .per_token = {.requests = 1'000'000}}, clock, metrics);
  auth::JwtOptions options;
  options.issuer = "https://id.example";
  options.audience = "tenure";
  auto verifier =
      auth::JwtVerifier::make(fmt::format(R"({{"keys":[{}]}})", auth::testing::kEcKey), options);
  ASSERT_TRUE(verifier.has_value());
  guard.set_jwt(*verifier);
  TestApi api(100, {.guard = &guard});
  api.serve_mixed();
  const std::string header = fmt::format("Authorization: Bearer {}\r\n", auth::testing::kEs256);
  EXPECT_EQ(
      fewest_allocations(api, post({"/predict", R"({"features":[[3,50.5,"Pro",null]]})", header})),
      0U);
}

constexpr Case kRequests[] = {
    {"/predict", R"({"features":{"tenure":3,"charge":50.5,"plan":"Pro","signup":null}})"},
    {"/predict", R"({"features":[[3,50.5,"Pro",null],[4,1,"Basic","2024-01-05"]]})"},
    {"/predict", R"({"customer_id":"nobody"})"},
    {"/predict", R"({"customer_id":"nobody"})",
     "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
     "tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE\r\nX-Request-Timeout-Ms: 50\r\n"},
    {"/predict?explain=3", R"({"features":[[3,50.5,"Pro",null]]})"},
};
INSTANTIATE_TEST_SUITE_P(Predict, HotPathAllocation, testing::ValuesIn(kRequests));

}  // namespace
}  // namespace tenure::api
