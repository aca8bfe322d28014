#include "net/concurrency_limit.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_client.h"
#include "net/test_http2_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

constexpr std::int64_t kMilli = 1'000'000;

/// As many requests as are let in, again and again: a pool of `threads` that each take `run_ns`.
/// The limit after `rounds`.
std::size_t saturate(ConcurrencyLimit& limit, int rounds, std::int64_t threads,
                     std::int64_t run_ns) {
  for (int round = 0; round < rounds; ++round) {
    std::int64_t entered = 0;
    while (entered < 2000 && limit.enter()) ++entered;
    for (std::int64_t i = 0; i < entered; ++i) limit.leave(i / threads * run_ns, run_ns);
  }
  return limit.limit();
}

TEST(ConcurrencyLimit, LetsInAsManyAsTheFixedLimit) {
  ConcurrencyLimit limit({.mode = LimitMode::kFixed, .limit = 2}, 4);
  EXPECT_TRUE(limit.enter());
  EXPECT_TRUE(limit.has_room());
  EXPECT_TRUE(limit.enter());
  EXPECT_FALSE(limit.has_room());
  EXPECT_FALSE(limit.enter());
  EXPECT_EQ(limit.in_flight(), 2U);
  limit.leave(0, kMilli);
  EXPECT_TRUE(limit.enter());
  limit.leave_unrun();
  EXPECT_TRUE(limit.enter());
}

TEST(ConcurrencyLimit, IsNoneWhenSwitchedOff) {
  ConcurrencyLimit limit({.mode = LimitMode::kOff, .limit = 1}, 1);
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(limit.enter());
}

TEST(ConcurrencyLimit, ShrinksWhileRequestsWaitTooLongAndKeepsTheThreadsBusy) {
  ConcurrencyLimit limit({.limit = 500}, 4);
  const std::size_t end = saturate(limit, 400, 4, 200 * kMilli);
  EXPECT_GE(end, 5U);
  EXPECT_LE(end, 24U) << "a queue of some runs for each thread, not of hundreds";
}

TEST(ConcurrencyLimit, GrowsWhileWaitingIsShort) {
  ConcurrencyLimit limit({.limit = 8}, 4);
  EXPECT_GT(saturate(limit, 400, 4, kMilli / 20), 500U);
}

TEST(ConcurrencyLimit, FollowsAChangeOfPace) {
  ConcurrencyLimit limit({.limit = 64}, 4);
  const std::size_t fast = saturate(limit, 400, 4, kMilli);
  const std::size_t slow = saturate(limit, 400, 4, 100 * kMilli);
  const std::size_t fast_again = saturate(limit, 400, 4, kMilli);
  EXPECT_LT(slow * 3, fast);
  EXPECT_GT(fast_again, slow * 3);
}

TEST(ConcurrencyLimit, DoesNotGrowWhileItIsNotReached) {
  ConcurrencyLimit limit({.limit = 100}, 4);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(limit.enter());
    limit.leave(0, kMilli);
  }
  EXPECT_EQ(limit.limit(), 100U);
}

TEST(ConcurrencyLimit, TurnsAwayWhoWouldWaitTooLong) {
  ConcurrencyLimit limit({.mode = LimitMode::kFixed, .limit = 1000, .wait_max = 1'000'000}, 2);
  ASSERT_TRUE(limit.enter());
  limit.leave(0, 500 * kMilli);
  int entered = 0;
  while (limit.enter()) ++entered;
  EXPECT_EQ(entered, 6) << "two run, four wait half a second each for one of two threads";
}

HttpServerOptions narrow() {
  HttpServerOptions options = TestServer::quick_options();
  options.concurrency.mode = LimitMode::kFixed;
  options.concurrency.limit = 1;
  return options;
}

constexpr std::string_view kGate = "POST /gate HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kBlocking =
    "POST /blocking HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";

TEST(LoadShedding, Answers503AndKeepsTheConnection) {
  TestServer server(narrow());
  TestClient busy(server.port());
  ASSERT_TRUE(busy.send(kGate));
  server.wait_until_gate_is_entered();
  TestClient client(server.port());
  const auto shed = client.ask(kBlocking);
  EXPECT_EQ(shed.status, 503);
  EXPECT_EQ(shed.headers.at("retry-after"), "1");
  EXPECT_FALSE(shed.headers.contains("connection"));
  EXPECT_EQ(TestHttp2Client(server.port()).ask("POST", "/blocking", "hi").status, 503);
  EXPECT_NE(server.metrics().prometheus_text().find("tenure_http_shed_total{lane=\"live\"} 2\n"),
            std::string::npos)
      << server.metrics().prometheus_text();
  // What is answered on the loop, what is essential, and batches have nothing to do with it.
  EXPECT_EQ(client.ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(client.ask("GET /essential HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(client.ask("POST /batch HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  server.open_gate();
  EXPECT_EQ(busy.read_answer().status, 200);
  while (client.ask(kBlocking).status != 200) std::this_thread::yield();
}

TEST(LoadShedding, DoesNotReadALargeBodyFirst) {
  TestServer server(narrow());
  TestClient busy(server.port());
  ASSERT_TRUE(busy.send(kGate));
  server.wait_until_gate_is_entered();
  TestClient client(server.port());
  const auto shed =
      client.ask("POST /blocking HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(shed.status, 503);
  EXPECT_EQ(shed.headers.at("connection"), "close");
  server.open_gate();
}

TEST(LoadShedding, GivesBatchesTheirOwnShare) {
  TestServer server(narrow());
  TestClient busy(server.port());
  ASSERT_TRUE(busy.send("POST /batch-gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  server.wait_until_gate_is_entered();
  TestClient client(server.port());
  EXPECT_EQ(client.ask("POST /batch HTTP/1.1\r\nHost: x\r\n\r\n").status, 503);
  EXPECT_EQ(client.ask(kBlocking).status, 200);
  server.open_gate();
}

}  // namespace
}  // namespace tenure::net
