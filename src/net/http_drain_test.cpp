#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(HttpDrain, LetsARunningHandlerFinishAndThenCloses) {
  TestServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send("POST /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  server.wait_until_gate_is_entered();
  std::thread drainer([&] { server.server().drain(); });
  // The listener is closed first: once a new client is refused, draining has begun.
  while (TestClient(server.port()).is_connected()) std::this_thread::yield();
  server.open_gate();
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
  client.close();
  drainer.join();
}

TEST(HttpDrain, ClosesIdleConnections) {
  TestServer server;
  TestClient client(server.port());
  EXPECT_EQ(client.ask(kPing).status, 200);
  server.server().drain();
  EXPECT_TRUE(client.is_closed_by_server());
  EXPECT_FALSE(TestClient(server.port()).is_connected());
}

TEST(HttpDrain, GivesUpAfterItsTimeoutWithoutHurtingTheHandler) {
  HttpServerOptions options = TestServer::quick_options();
  options.drain_timeout = 10'000;
  TestServer server(options);
  TestClient client(server.port());
  ASSERT_TRUE(client.send("POST /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  server.wait_until_gate_is_entered();
  server.server().drain();
  server.open_gate();
}

TEST(HttpDrain, LosesNoAnswerUnderLoad) {
  TestServer server;
  std::atomic<int> answered{0}, lost{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      for (;;) {
        TestClient client(server.port());
        if (!client.is_connected()) return;  // the listener is gone: a load balancer goes elsewhere
        for (;;) {
          const auto answer = client.ask(kPing);
          if (answer.status != 200) {
            ++lost;
            return;
          }
          ++answered;
          if (answer.headers.contains("connection")) break;
        }
      }
    });
  }
  while (answered < 2'000) std::this_thread::yield();
  server.server().drain();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(lost, 0) << "of " << answered;
}

}  // namespace
}  // namespace tenure::net
