#include "net/http2_session.h"

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/http2_flood.h"
#include "net/test_http2_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

constexpr std::uint8_t kHeaders = 1, kReset = 3, kPing = 6, kContinuation = 9;
constexpr std::uint8_t kEndStream = 1, kEndHeaders = 4;

/// HPACK for ":method: GET, :scheme: http, :path: /, :authority: x", no dynamic table.
constexpr std::string_view kGetRoot = "\x82\x86\x84\x41\x01x";

TEST(Http2, AnswersOnTheSamePortAsHttp1) {
  TestServer server;
  TestHttp2Client client(server.port());
  const auto answer = client.ask("GET", "/ping");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"pong\":true}");
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("content-length"), "13");
  EXPECT_EQ(answer.headers.at("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(answer.headers.at("x-request-id").size(), 36U);
  TestClient plain(server.port());
  EXPECT_EQ(plain.ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(Http2, TakesThePrefaceInPieces) {
  TestServer server;
  TestClient client(server.port());
  for (const char c : kHttp2Preface) ASSERT_TRUE(client.send({&c, 1}));
  ASSERT_TRUE(client.send(TestHttp2Client::frame(4, 0, 0, {})));
  ASSERT_GT(client.receive_once(), 9U);
  EXPECT_EQ(client.buffered()[3], 4) << "the server's first frame is SETTINGS";
}

TEST(Http2, TellsMethodsThatBeginLikeThePrefaceApart) {
  TestServer server;
  TestClient client(server.port());
  EXPECT_EQ(client.ask("PUT /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
  EXPECT_EQ(client.ask("PRI /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
  EXPECT_EQ(client.ask("PRI * HTTP/2.0\r\n\r\n").status, 505) << "too late to change protocols";
}

TEST(Http2, GivesHandlersPathParametersQueryHeadersAndBody) {
  TestServer server;
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("GET", "/models/m/rows/7?q=a%20b").body, "m|7|a b");
  EXPECT_EQ(client.ask("POST", "/echo", "hello").body, "hello");
  EXPECT_EQ(client.ask("POST", "/blocking", "on a worker").body, "on a worker");
  EXPECT_EQ(client.ask("POST", "/length", std::string(3'000'000, 'x')).body, "3000000");
  const auto answer = client.ask("GET", "/ping", {}, {{"x-request-id", "mine-1"}});
  EXPECT_EQ(answer.headers.at("x-request-id"), "mine-1");
}

TEST(Http2, AnswersManyStreamsAtOnceAndOutOfOrder) {
  TestServer server;
  TestHttp2Client client(server.port());
  const std::int32_t slow = client.request("POST", "/gate", "x");
  server.wait_until_gate_is_entered();
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(client.request("POST", "/echo", std::to_string(i)));
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(client.wait_for(ids[static_cast<std::size_t>(i)]).body, std::to_string(i));
  server.open_gate();
  EXPECT_EQ(client.wait_for(slow).body, "through");
}

TEST(Http2, SendsLargeAnswersWithinTheClientsWindow) {
  TestServer server;
  TestHttp2Client client(server.port());
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(client.request("GET", "/large"));
  for (const std::int32_t id : ids) EXPECT_EQ(client.wait_for(id).body.size(), 8U * 1024 * 1024);
}

TEST(Http2, SendsNoBodyForHead) {
  TestServer server;
  TestHttp2Client client(server.port());
  const auto answer = client.ask("HEAD", "/ping");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-length"), "13");
  EXPECT_EQ(answer.body, "");
}

TEST(Http2, RefusesWhatHttp1Refuses) {
  TestServer server;
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("GET", "/nowhere").status, 404);
  EXPECT_EQ(client.ask("POST", "/nowhere", "body").status, 404);
  const auto not_allowed = client.ask("DELETE", "/ping");
  EXPECT_EQ(not_allowed.status, 405);
  EXPECT_EQ(not_allowed.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(client.ask("GET", "/throw").status, 500);
  EXPECT_EQ(client.ask("GET", "/throw-blocking").status, 500);
  EXPECT_EQ(client.ask("GET", "/inject").status, 500);
  EXPECT_EQ(client.ask("POST", "/small", "seventeen letters").status, 413);
  EXPECT_EQ(client.ask("GET", "/ping", {}, {{"x-large", std::string(20'000, 'x')}}).status, 431);
  EXPECT_EQ(client.ask("OPTIONS", "*").status, 400);
  EXPECT_EQ(client.ask("GET", "/ping").status, 200) << "the connection goes on";
}

TEST(Http2, RefusesABodyThatGrowsBeyondTheLimit) {
  TestServer server;
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("POST", "/echo", std::string(4'000'001, 'x')).status, 413);
  const auto announced = client.wait_for(
      client.request("POST", "/echo", "x", {{"content-length", "9999999999"}}, /*is_whole=*/false));
  EXPECT_EQ(announced.status, 413);
  EXPECT_EQ(client.ask("GET", "/ping").status, 200);
}

TEST(Http2, RefusesBodiesBeyondTheBudgetOfAllConnections) {
  HttpServerOptions options = TestServer::quick_options();
  options.bodies_max = 1'000'000;
  TestServer server(options);
  TestHttp2Client first(server.port());
  EXPECT_EQ(first.ask("GET", "/ping").status, 200);  // now it knows the server's window
  const std::int32_t held =
      first.request("POST", "/echo", std::string(900'000, 'x'), {}, /*is_whole=*/false);
  EXPECT_EQ(first.ask("GET", "/ping").status, 200);  // what came before it has been taken
  TestHttp2Client second(server.port());
  const auto refused = second.ask("POST", "/echo", std::string(900'000, 'x'));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  first.reset(held);
  EXPECT_EQ(first.ask("GET", "/ping").status, 200);
  EXPECT_EQ(second.ask("POST", "/length", std::string(900'000, 'x')).body, "900000");
}

TEST(Http2, RefusesMessagesThatHttp1CouldMisread) {
  using Fields = TestHttp2Client::Fields;
  TestServer server;
  for (const Fields& fields :
       {Fields{{"transfer-encoding", "chunked"}}, Fields{{"connection", "close"}},
        Fields{{"x", "a\r\nb: c"}}, Fields{{"content-length", "7"}},
        Fields{{"content-length", "5"}, {"content-length", "5"}}, Fields{{":path", "/other"}}}) {
    TestHttp2Client client(server.port());
    const auto answer = client.ask("POST", "/echo", "hello", fields);
    EXPECT_EQ(answer.status, 0) << fields.front().first;
    EXPECT_NE(answer.error, 0U) << fields.front().first;
  }
}

TEST(Http2, SaysContinueBeforeABody) {
  TestServer server;
  TestHttp2Client client(server.port());
  const auto answer = client.ask("POST", "/echo", "hello", {{"expect", "100-continue"}});
  EXPECT_EQ(client.continues(), 1);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
}

TEST(Http2, EndsASessionThatIsNone) {
  TestServer server;
  TestClient client(server.port());
  client.send(std::string(kHttp2Preface) + "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_all();
  EXPECT_TRUE(client.is_closed_by_server());
}

/// Sends frames until the server has had enough; whether it said so.
bool is_sent_away(TestServer& server, std::string_view frames, int times) {
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("GET", "/ping").status, 200);
  for (int i = 0; i < times && client.socket().send(frames); ++i) {
  }
  // Past the library, which would not understand answers to what it has not sent.
  const std::string answers = client.socket().read_all();
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value = value << 8 | static_cast<unsigned char>(answers[at + i]);
    return value;
  };
  for (std::size_t at = 0; at + 17 <= answers.size(); at += 9 + number(at, 3)) {
    constexpr char kGoAway = 7;
    if (answers[at + 3] == kGoAway) return number(at + 13, 4) == NGHTTP2_ENHANCE_YOUR_CALM;
  }
  return false;
}

TEST(Http2, SendsAwayWhoFloodsWithPings) {
  TestServer server;
  EXPECT_TRUE(is_sent_away(server, TestHttp2Client::frame(kPing, 0, 0, "12345678"), 1000));
}

TEST(Http2, SendsAwayWhoFloodsWithSettings) {
  TestServer server;
  EXPECT_TRUE(is_sent_away(server, TestHttp2Client::frame(4, 0, 0, {}), 1000));
}

TEST(Http2, SendsAwayWhoFloodsWithPriorities) {
  TestServer server;
  EXPECT_TRUE(is_sent_away(
      server, TestHttp2Client::frame(2, 0, 3, std::string_view("\0\0\0\0\1", 5)), 1000));
}

TEST(Http2, SendsAwayWhoResetsStreamsRapidly) {
  TestServer server;
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("GET", "/ping").status, 200);
  const std::string_view cancel("\0\0\0\10", 4);
  bool is_open = true;
  for (std::uint32_t id = 3; id < 4'000 && is_open; id += 2) {
    is_open = client.socket().send(TestHttp2Client::frame(kHeaders, kEndHeaders, id, kGetRoot) +
                                   TestHttp2Client::frame(kReset, 0, id, cancel));
  }
  client.wait_until_closed();
  ASSERT_FALSE(client.go_aways().empty());
  EXPECT_EQ(client.go_aways().back().error, NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(TestHttp2Client(server.port()).ask("GET", "/ping").status, 200);
}

TEST(Http2, EndsAnEndlessHeader) {
  TestServer server;
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("GET", "/ping").status, 200);
  client.socket().send(TestHttp2Client::frame(kHeaders, kEndStream, 3, kGetRoot));
  for (int i = 0; i < 100'000; ++i) {
    if (!client.socket().send(TestHttp2Client::frame(kContinuation, 0, 3, "\x40\x01y\x01z"))) break;
  }
  client.wait_until_closed();
  EXPECT_TRUE(client.socket().is_closed_by_server());
  EXPECT_EQ(TestHttp2Client(server.port()).ask("GET", "/ping").status, 200);
}

TEST(Http2, CountsHandlersOfResetStreamsAgainstTheLimit) {
  HttpServerOptions options = TestServer::quick_options();
  options.streams_max = 4;
  TestServer server(options);
  TestHttp2Client client(server.port());
  for (int i = 0; i < 4; ++i) client.reset(client.request("POST", "/gate", "x"));
  server.wait_until_gate_is_entered();
  const auto refused = client.ask("GET", "/ping");
  EXPECT_EQ(refused.status, 0);
  EXPECT_EQ(refused.error, NGHTTP2_REFUSED_STREAM);
  server.open_gate();
  while (client.ask("GET", "/ping").status != 200) std::this_thread::yield();
}

TEST(Http2, SurvivesAClientThatLeavesWhileItsHandlersRun) {
  TestServer server;
  {
    TestHttp2Client client(server.port());
    client.request("POST", "/gate", "x");
    server.wait_until_gate_is_entered();
    client.socket().reset();
  }
  server.open_gate();
  server.wait_for_open_connections(0);
  EXPECT_EQ(TestHttp2Client(server.port()).ask("GET", "/ping").status, 200);
}

TEST(Http2, AnswersAClientThatHasStoppedSending) {
  TestServer server;
  TestHttp2Client client(server.port());
  const std::int32_t id = client.request("POST", "/gate", "x");
  server.wait_until_gate_is_entered();
  client.socket().shut_down_sending();
  server.open_gate();
  EXPECT_EQ(client.wait_for(id).body, "through");
  client.wait_until_closed();
  server.wait_for_open_connections(0);
}

TEST(Http2, AnnouncesTheEndTwiceWhileDraining) {
  TestServer server;
  TestHttp2Client client(server.port());
  const std::int32_t id = client.request("POST", "/gate", "x");
  server.wait_until_gate_is_entered();
  std::thread drainer([&] { server.server().drain(); });
  ASSERT_TRUE(client.wait_for_go_aways(2));
  EXPECT_EQ(client.go_aways()[0].last_stream, 0x7FFFFFFF);
  EXPECT_EQ(client.go_aways()[0].error, 0U);
  EXPECT_EQ(client.go_aways()[1].last_stream, id);
  server.open_gate();
  EXPECT_EQ(client.wait_for(id).body, "through");
  client.wait_until_closed();
  client.socket().close();
  drainer.join();
}

constexpr core::Micros kForever = 300LL * 24 * 3600 * 1'000'000;

HttpServerOptions impatient() {
  HttpServerOptions options = TestServer::quick_options();
  options.header_timeout = options.body_timeout = options.idle_timeout = 20'000;
  return options;
}

/// Moves the server's clock on until `is_done`.
template <typename Done>
void pass_time(TestServer& server, const Done& is_done) {
  while (!is_done()) {
    server.clock().advance(30'000);
    std::this_thread::yield();
  }
}

TEST(Http2, ClosesIdleSessionsWithAGoAway) {
  TestServer server(impatient());
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("GET", "/ping").status, 200);
  server.clock().advance(30'000);
  client.wait_until_closed();
  ASSERT_FALSE(client.go_aways().empty());
  EXPECT_EQ(client.go_aways().back().error, 0U);
}

TEST(Http2, EndsAHeaderThatNeverEnds) {
  TestServer server(impatient());
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("GET", "/ping").status, 200);
  client.socket().send(TestHttp2Client::frame(kHeaders, kEndStream, 3, kGetRoot));
  pass_time(server, [&] { return client.socket().has_input(); });
  client.wait_until_closed();
  EXPECT_FALSE(client.go_aways().empty());
}

TEST(Http2, AnswersABodyThatNeverEndsWith408) {
  TestServer server(impatient());
  TestHttp2Client client(server.port());
  const std::int32_t id = client.request("POST", "/echo", "x", {}, /*is_whole=*/false);
  EXPECT_EQ(client.ask("GET", "/ping").status, 200);
  server.clock().advance(30'000);
  EXPECT_EQ(client.wait_for(id).status, 408);
}

TEST(Http2, ClosesWhoNeverFinishesThePreface) {
  HttpServerOptions options = impatient();
  options.idle_timeout = kForever;  // whatever passes before the server has read the bytes
  TestServer server(options);
  TestClient client(server.port());
  client.send("PRI * HTT");
  pass_time(server, [&] { return client.has_input(); });
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 408 "));
}

TEST(FloodGuard, LetsABurstThroughAndThenARate) {
  FloodGuard guard(3, 10);
  std::int64_t now = 1'000'000'000;
  EXPECT_TRUE(guard.count(now));
  EXPECT_TRUE(guard.count(now));
  EXPECT_TRUE(guard.count(now));
  EXPECT_FALSE(guard.count(now));
  now += 2'000'000'000;
  EXPECT_TRUE(guard.count(now));
}

TEST(Http2, TakesLongHeadsAsHttp1Does) {
  HttpServerOptions options = TestServer::quick_options();
  options.header_max = HttpServerOptions().header_max;
  TestServer server(options);
  TestHttp2Client client(server.port());
  const std::string row(64'000, 'r');
  const auto answer = client.ask("GET", "/models/a/rows/" + row);
  EXPECT_EQ(answer.body, "a|" + row + "|");
}

}  // namespace
}  // namespace tenure::net
