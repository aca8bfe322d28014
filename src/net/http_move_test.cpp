// Answers that a handler on the event loop leaves to a worker (Response::rest).

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "core/assert.h"
#include "net/http_server.h"
#include "net/test_client.h"
#include "net/test_http2_client.h"

namespace tenure::net {
namespace {

/// One loop, one worker. The rest of /long is done once /open was answered by that loop.
class MovingServer {
 public:
  MovingServer() : clock_(784'111'777'000'000), router_(routes()) {
    auto server = HttpServer::listen({.port = 0, .threads = 1, .worker_threads = 1}, router_,
                                     metrics_, clock_);
    TENURE_ASSERT(server.has_value());
    server_ = std::move(*server);
    server_->start();
  }
  ~MovingServer() {
    open();
    server_.reset();
  }
  MovingServer(const MovingServer&) = delete;
  MovingServer& operator=(const MovingServer&) = delete;

  std::uint16_t port() const { return server_->port(); }
  void wait_until_moved() { is_moved_.wait(false); }

 private:
  void open() {
    is_open_.store(true);
    is_open_.notify_all();
  }

  std::vector<Route> routes() {
    const auto move = [](auto rest) {
      return [rest](const Request& request, Response& response) {
        EXPECT_TRUE(request.can_be_moved);
        response.add_header("X-Before", "kept");
        response.rest = rest;
      };
    };
    const auto long_rest = [this](const Request& request, Response& response) {
      EXPECT_FALSE(request.can_be_moved);
      is_moved_.store(true);
      is_moved_.notify_all();
      is_open_.wait(false);
      response.text(200, "done with " + std::string(request.body));
    };
    const auto failing_rest = [](const Request&, Response&) { throw std::runtime_error("secret"); };
    const auto held_rest = [](const Request&, Response& response) {
      response.text(200, "held");
      response.hold = [](const std::function<void()>& resume) { resume(); };
    };
    const auto open_gate = [this](const Request&, Response& response) {
      open();
      response.text(200, "open");
    };
    const auto on_worker = [](const Request& request, Response& response) {
      response.text(200, request.can_be_moved ? "yes" : "no");
    };
    return {
        {.method = Method::kPost, .path = "/long", .handler = move(long_rest)},
        {.method = Method::kPost, .path = "/failing", .handler = move(failing_rest)},
        {.method = Method::kPost, .path = "/held", .handler = move(held_rest)},
        {.method = Method::kPost, .path = "/open", .handler = open_gate},
        {.method = Method::kPost, .path = "/worker", .handler = on_worker, .is_blocking = true}};
  }

  core::ManualClock clock_;
  core::MetricRegistry metrics_;
  std::atomic<bool> is_moved_{false}, is_open_{false};
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(HttpMove, LeavesTheLoopFreeAndAnswersInOrder) {
  MovingServer server;
  TestClient moved(server.port()), other(server.port());
  ASSERT_TRUE(moved.send(post("/long", "a") + post("/worker", "")));
  server.wait_until_moved();
  EXPECT_EQ(other.ask(post("/open", "")).body, "open");
  const auto answer = moved.read_answer();
  EXPECT_EQ(answer.body, "done with a");
  EXPECT_EQ(answer.headers.at("x-before"), "kept");
  EXPECT_EQ(moved.read_answer().body, "no") << "what runs on a worker cannot be moved";
  EXPECT_EQ(moved.ask(post("/long", "b")).body, "done with b") << "nothing is left over";
}

TEST(HttpMove, LeavesTheLoopFreeForOtherStreams) {
  MovingServer server;
  TestHttp2Client client(server.port());
  const std::int32_t moved = client.request("POST", "/long", "a");
  server.wait_until_moved();
  EXPECT_EQ(client.ask("POST", "/open").body, "open");
  EXPECT_EQ(client.wait_for(moved).body, "done with a");
  EXPECT_EQ(client.ask("POST", "/failing", "a").status, 500);
  EXPECT_EQ(client.ask("POST", "/held", "a").body, "held");
}

TEST(HttpMove, AnswersWhatFailsOrWaitsThere) {
  MovingServer server;
  TestClient client(server.port());
  const auto failed = client.ask(post("/failing", "a"));
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.body.find("secret"), std::string::npos);
  EXPECT_EQ(client.ask(post("/held", "a")).body, "held");
}

TEST(HttpMove, SurvivesAClientThatLeftMeanwhile) {
  MovingServer server;
  {
    TestClient client(server.port());
    ASSERT_TRUE(client.send(post("/long", "a")));
    server.wait_until_moved();
  }
  TestClient other(server.port());
  EXPECT_EQ(other.ask(post("/open", "")).body, "open");
  EXPECT_EQ(other.ask(post("/worker", "")).body, "no");
}

}  // namespace
}  // namespace tenure::net
