// Answers that wait for something outside of the server (Response::hold).

#include <condition_variable>
#include <functional>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/assert.h"
#include "net/http_server.h"
#include "net/test_client.h"

namespace tenure::net {
namespace {

/// A server whose answers are all held until let_go().
class HoldingServer {
 public:
  HoldingServer() : clock_(784'111'777'000'000), router_(routes()) {
    auto server = HttpServer::listen({.port = 0, .threads = 1, .worker_threads = 2}, router_,
                                     metrics_, clock_);
    TENURE_ASSERT(server.has_value());
    server_ = std::move(*server);
    server_->start();
  }

  std::uint16_t port() const { return server_->port(); }
  HttpServer& server() { return *server_; }

  void wait_until_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() == count; });
  }
  void let_go() {
    std::vector<std::function<void()>> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const auto& resume : held) resume();
  }
  void end() { server_.reset(); }

 private:
  std::vector<Route> routes() {
    const auto held = [this](const Request& request, Response& response) {
      EXPECT_TRUE(request.can_be_held);
      response.text(200, request.body);
      response.hold = [this, &response](std::function<void()> resume) {
        const std::lock_guard lock(mutex_);
        held_.emplace_back([&response, resume = std::move(resume)] {
          response.body += "!";
          resume();
        });
        changed_.notify_all();
      };
    };
    const auto at_once = [](const Request&, Response& response) {
      response.text(200, "now");
      response.hold = [](const std::function<void()>& resume) { resume(); };
    };
    const auto forgotten = [](const Request&, Response& response) {
      response.text(200, "never");
      response.hold = [](const std::function<void()>&) {};
    };
    const auto thrown = [](const Request&, Response& response) {
      response.text(200, "never");
      response.hold = [](const std::function<void()>&) { throw std::bad_alloc(); };
    };
    return {{.method = Method::kPost, .path = "/held", .handler = held},
            {.method = Method::kPost, .path = "/held-worker", .handler = held, .is_blocking = true},
            {.method = Method::kPost, .path = "/at-once", .handler = at_once},
            {.method = Method::kPost, .path = "/forgotten", .handler = forgotten},
            {.method = Method::kPost,
             .path = "/forgotten-worker",
             .handler = forgotten,
             .is_blocking = true},
            {.method = Method::kPost, .path = "/thrown", .handler = thrown},
            {.method = Method::kGet, .path = "/ping", .handler = [](const Request&, Response& out) {
               out.text(200, "pong");
             }}};
  }

  core::ManualClock clock_;
  core::MetricRegistry metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> held_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(HttpHold, KeepsTheLoopFreeForOtherConnections) {
  HoldingServer server;
  TestClient held(server.port()), other(server.port());
  ASSERT_TRUE(held.send(post("/held", "a")));
  server.wait_until_held(1);
  EXPECT_EQ(other.ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").body, "pong");
  server.let_go();
  EXPECT_EQ(held.read_answer().body, "a!");
  EXPECT_EQ(held.ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").body, "pong");
}

TEST(HttpHold, LetsManyAnswersGoTogether) {
  HoldingServer server;
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<TestClient>(server.port()));
    ASSERT_TRUE(
        clients.back()->send(post(i % 2 == 0 ? "/held" : "/held-worker", std::to_string(i))));
  }
  server.wait_until_held(50);
  server.let_go();
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(clients[static_cast<std::size_t>(i)]->read_answer().body, std::to_string(i) + "!");
}

TEST(HttpHold, AnswersPipelinedRequestsInTheirOrder) {
  HoldingServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send(post("/at-once", "") + post("/held", "b") + post("/at-once", "")));
  EXPECT_EQ(client.read_answer().body, "now");
  server.wait_until_held(1);
  server.let_go();
  EXPECT_EQ(client.read_answer().body, "b!");
  EXPECT_EQ(client.read_answer().body, "now");
}

TEST(HttpHold, SurvivesAClientThatLeftMeanwhile) {
  HoldingServer server;
  {
    TestClient client(server.port());
    ASSERT_TRUE(client.send(post("/held", "a")));
    server.wait_until_held(1);
  }
  server.let_go();
  TestClient other(server.port());
  EXPECT_EQ(other.ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").body, "pong");
}

TEST(HttpHold, RefusesAnAnswerThatItsHolderForgot) {
  HoldingServer server;
  TestClient client(server.port());
  for (const char* const path : {"/forgotten", "/forgotten-worker", "/thrown"}) {
    EXPECT_EQ(client.ask(post(path, "a")).status, 503) << path;
    EXPECT_EQ(client.ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").body, "pong") << path;
  }
  client.close();
  server.end();  // would wait for ever for an answer that is still counted
}

TEST(HttpHold, LetsTheServerEndWhenAClientLeftWhileItsAnswerWasHeld) {
  HoldingServer server;
  {
    TestClient one(server.port()), other(server.port());
    ASSERT_TRUE(one.send(post("/held", "a")));
    ASSERT_TRUE(other.send(post("/held-worker", "b")));
    server.wait_until_held(2);
  }
  server.let_go();
  server.end();  // would wait for ever for an answer that is still counted
}

TEST(HttpHold, IsWaitedForWhenTheServerDrains) {
  HoldingServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send(post("/held", "a")));
  server.wait_until_held(1);
  std::thread drainer([&] { server.server().drain(); });
  while (TestClient(server.port()).is_connected()) std::this_thread::yield();
  server.let_go();
  EXPECT_EQ(client.read_answer().body, "a!");
  client.close();
  drainer.join();
}

TEST(HttpHold, IsWaitedForWhenTheServerEnds) {
  HoldingServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send(post("/held", "a")));
  server.wait_until_held(1);
  std::thread end([&] { server.end(); });
  std::this_thread::yield();  // either may come first
  server.let_go();
  end.join();
}

}  // namespace
}  // namespace tenure::net
