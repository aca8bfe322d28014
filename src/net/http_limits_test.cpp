#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/problem.h"
#include "net/test_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

struct Refused {
  const char* name;
  std::string request;
  int status;
};

class HttpLimits : public testing::TestWithParam<Refused> {};

TEST(HttpLongHeads, AreTakenUpTo128KiBAndTheirMemoryIsGivenBack) {
  HttpServerOptions options = TestServer::quick_options();
  options.header_max = HttpServerOptions().header_max;
  options.bodies_max = 100'000;  // two such heads at a time, and one that is alone
  TestServer server(options);
  const std::string line = "GET /models/a/rows/" + std::string(65'000, 'r') + "?q=b HTTP/1.1\r\n";
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<TestClient>(server.port()));
    ASSERT_TRUE(clients.back()->send(line + "Host: x\r\nX-Long: "));
    ASSERT_TRUE(clients.back()->send(std::string(60'000, 'x')));
    EXPECT_EQ(clients.back()->ask("\r\n\r\n").body, "a|" + std::string(65'000, 'r') + "|b");
    EXPECT_EQ(clients.back()->ask(kPing).status, 200);
  }
  EXPECT_EQ(clients[0]->ask(line + "Host: x\r\nX-Long: " + std::string(70'000, 'x')).status, 431);
}

TEST(HttpLongHeads, AreOfTheBudgetForBodies) {
  HttpServerOptions options = TestServer::quick_options();
  options.header_max = HttpServerOptions().header_max;
  options.bodies_max = 1;
  TestServer server(options);
  TestClient first(server.port()), second(server.port());
  const std::string head = " HTTP/1.1\r\nHost: x\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n";
  ASSERT_TRUE(first.send("POST /gate" + head));
  server.wait_until_gate_is_entered();
  EXPECT_EQ(second.ask("GET /ping" + head).status, 503);
  TestClient third(server.port());
  EXPECT_EQ(third.ask(kPing).status, 200);
  server.open_gate();
  EXPECT_EQ(first.read_answer().status, 200);
  EXPECT_EQ(third.ask("GET /ping" + head).status, 200);
}

TEST_P(HttpLimits, RefusesAndCloses) {
  TestServer server;
  TestClient client(server.port());
  const auto answer = client.ask(GetParam().request);
  EXPECT_EQ(answer.status, GetParam().status) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("\"detail\":\""));
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
  TestClient next(server.port());
  EXPECT_EQ(next.ask(kPing).status, 200);
}

std::string many_fields(int n) {
  std::string request = "GET /ping HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < n; ++i) request += "A" + std::to_string(i) + ": b\r\n";
  return request + "\r\n";
}

const std::string kPost = "POST /echo HTTP/1.1\r\nHost: x\r\n";

INSTANTIATE_TEST_SUITE_P(
    All, HttpLimits,
    testing::Values(
        Refused{"HeaderTooLarge", "GET /ping HTTP/1.1\r\nX: " + std::string(20'000, 'a'), 431},
        Refused{"WholeHeaderTooLarge",
                "GET /ping HTTP/1.1\r\nHost: x\r\nX: " + std::string(17'000, 'a') + "\r\n\r\n",
                431},
        Refused{"TargetTooLong", "GET /" + std::string(20'000, 'a'), 431},
        Refused{"TooManyFields", many_fields(200), 431},
        Refused{"BodyTooLarge", kPost + "Content-Length: 4000001\r\n\r\n", 413},
        Refused{"BodyAbsurdlyLarge", kPost + "Content-Length: 9999999999999999999\r\n\r\n", 413},
        Refused{"RouteBodyTooLarge",
                "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n", 413},
        Refused{"ChunkTooLarge", kPost + "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413},
        Refused{"ChunksTooLargeTogether",
                "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "a\r\n0123456789\r\na\r\n0123456789\r\n",
                413},
        Refused{"ChunkSizeIsTheLargest",
                kPost + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", 413},
        Refused{"ChunkSizeWrapsAround",
                kPost + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n", 400},
        Refused{"ChunkExtensionEndless",
                kPost + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(20'000, 'a'), 431},
        Refused{"BadChunk", kPost + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
        Refused{"LengthAndCoding",
                kPost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Refused{"CodingAndLength",
                kPost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
        Refused{"LengthAndOtherCoding",
                kPost + "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
        Refused{"TwoLengths", kPost + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
        Refused{"EqualLengthsTwice", kPost + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
        Refused{"LengthList", kPost + "Content-Length: 5, 5\r\n\r\n", 400},
        Refused{"SignedLength", kPost + "Content-Length: +5\r\n\r\n", 400},
        Refused{"NegativeLength", kPost + "Content-Length: -1\r\n\r\n", 400},
        Refused{"HexLength", kPost + "Content-Length: 0x5\r\n\r\n", 400},
        Refused{"UnknownCoding", kPost + "Transfer-Encoding: gzip\r\n\r\n", 501},
        Refused{"CodingList", kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        Refused{"TwoCodings",
                kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Refused{"CodingInHttp10",
                "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Refused{"NoHost", "GET /ping HTTP/1.1\r\n\r\n", 400},
        Refused{"TwoHosts", "GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        Refused{"Http2Late", "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Refused{"Http12", "GET /ping HTTP/1.2\r\nHost: x\r\n\r\n", 505},
        Refused{"NoHttp", "SSH-2.0-OpenSSH_9.2\r\n", 400},
        Refused{"Tls", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", 400},
        Refused{"FoldedLine", "GET /ping HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400},
        Refused{"BlankBeforeColon", "GET /ping HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        Refused{"BareLineFeeds", "GET /ping HTTP/1.1\nHost: x\n\n", 505},
        Refused{"NulInValue", std::string("GET /ping HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 39),
                400},
        Refused{"OtherScheme", "GET ftp://x/ping HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Refused{"NoAuthority", "GET http:///ping HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Refused{"NoPath", "GET ping HTTP/1.1\r\nHost: x\r\n\r\n", 400}),
    [](const testing::TestParamInfo<Refused>& row) { return row.param.name; });

HttpServerOptions with_short_timeouts() {
  HttpServerOptions options = TestServer::quick_options();
  // Of the manual clock; they also make the server look at the deadlines every 5 ms.
  options.header_timeout = 20'000;
  options.body_timeout = 20'000;
  options.idle_timeout = 20'000;
  return options;
}

TEST(HttpTimeouts, Answers408WhenTheHeaderDribbles) {
  TestServer server(with_short_timeouts());
  TestClient client(server.port());
  ASSERT_TRUE(client.send("GET /ping HTTP/1.1\r\nX-A"));
  server.wait_for_open_connections(1);
  // Progress does not help: the time counts from the request's first byte.
  for (int i = 0; !client.has_input(); ++i) {
    if (i < 50) client.send("x");
    server.clock().advance(1'000);
    std::this_thread::yield();
  }
  EXPECT_EQ(client.read_answer().status, 408);
}

TEST(HttpTimeouts, NamesThePathOfARequestWhoseBufferHasMovedSince) {
  HttpServerOptions options = with_short_timeouts();
  options.render_error = render_problem;
  TestServer server(options);
  TestClient client(server.port());
  const std::string path = "/" + std::string(12'000, 'p');  // nobody's, and it fills the buffer
  ASSERT_TRUE(
      client.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"));
  ASSERT_TRUE(client.send(std::string(20'000, 'b')));
  while (!client.has_input()) {
    server.clock().advance(1'000'000);
    std::this_thread::yield();
  }
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_NE(answer.body.find("\"instance\":\"" + path + "\""), std::string::npos);
}

TEST(HttpTimeouts, Answers408WhenTheBodyStops) {
  TestServer server(with_short_timeouts());
  TestClient client(server.port());
  const auto go_on = client.ask(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
  ASSERT_EQ(go_on.status, 100);
  ASSERT_TRUE(client.send("half"));
  while (!client.has_input()) {
    server.clock().advance(1'000'000);
    std::this_thread::yield();
  }
  EXPECT_EQ(client.read_answer().status, 408);
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpTimeouts, ClosesIdleConnectionsSilently) {
  TestServer server(with_short_timeouts());
  TestClient fresh(server.port());
  TestClient used(server.port());
  EXPECT_EQ(used.ask(kPing).status, 200);
  server.wait_for_open_connections(2);
  while (!fresh.has_input() || !used.has_input()) {
    server.clock().advance(1'000'000);
    std::this_thread::yield();
  }
  EXPECT_TRUE(fresh.is_closed_by_server());
  EXPECT_TRUE(used.is_closed_by_server());
  server.wait_for_open_connections(0);
}

TEST(HttpTimeouts, GivesUpOnAClientThatDoesNotReadItsAnswer) {
  TestServer server(with_short_timeouts());
  TestClient client(server.port(), 4096);
  ASSERT_TRUE(client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_GT(client.receive_once(), 0U);
  server.wait_for_open_connections(1);
  while (server.metrics().prometheus_text().find("tenure_http_connections_open 0\n") ==
         std::string::npos) {
    server.clock().advance(1'000'000);
    std::this_thread::yield();
  }
}

TEST(HttpTimeouts, LetsABlockingHandlerTakeItsTime) {
  TestServer server(with_short_timeouts());
  TestClient client(server.port());
  ASSERT_TRUE(client.send("POST /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
  server.wait_until_gate_is_entered();
  server.clock().advance(60'000'000);
  TestClient other(server.port());
  EXPECT_EQ(other.ask(kPing).status, 200);
  server.open_gate();
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(HttpTimeouts, TakeAYearForWhatIsBeyondIt) {
  HttpServerOptions options = TestServer::quick_options();
  options.threads = 1;
  options.body_timeout = 20'000;  // makes the server look at all deadlines every 5 ms
  // In nanoseconds these do not fit 64 bits.
  options.header_timeout = options.idle_timeout = options.drain_timeout =
      200'000LL * 24 * 3600 * 1'000'000;
  TestServer server(options);
  TestClient idle(server.port());
  EXPECT_EQ(idle.ask(kPing).status, 200);
  TestClient half(server.port());
  ASSERT_TRUE(half.send("GET /ping HTTP/1.1\r\n"));
  TestClient timed_out(server.port());
  ASSERT_TRUE(timed_out.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"));
  server.wait_for_open_connections(3);
  while (!timed_out.has_input()) {
    server.clock().advance(1'000'000);
    std::this_thread::yield();
  }
  EXPECT_EQ(timed_out.read_answer().status, 408);
  EXPECT_EQ(half.ask("Host: x\r\n\r\n").status, 200);
  EXPECT_EQ(idle.ask(kPing).status, 200);
  for (TestClient* client : {&idle, &half, &timed_out}) client->close();
  server.server().drain();
}

std::string large_post(std::size_t length) {
  return "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

HttpServerOptions with_a_megabyte_for_bodies() {
  HttpServerOptions options = TestServer::quick_options();
  options.bodies_max = 1'000'000;
  return options;
}

/// Begins a body of 900,000 bytes and makes sure that the server has seen it.
void begin_large_body(TestClient& client) {
  ASSERT_TRUE(
      client.send("POST /length HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                  "Content-Length: 900000\r\n\r\n"));
  ASSERT_EQ(client.read_answer().status, 100);
}

TEST(HttpBodies, BeyondTheMemoryForAllOfThemAreAnswered503BeforeTheyAreRead) {
  TestServer server(with_a_megabyte_for_bodies());
  TestClient first(server.port());
  begin_large_body(first);
  TestClient second(server.port());
  const auto refused = second.ask(large_post(900'000));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_EQ(refused.headers.at("connection"), "close");
  EXPECT_THAT(refused.body, HasSubstr("try again"));
  // Small bodies never wait for large ones.
  TestClient small(server.port());
  EXPECT_EQ(small.ask(large_post(60'000) + std::string(60'000, 'x')).body, "60000");
  // The first goes on, and makes room when it is done.
  EXPECT_EQ(first.ask(std::string(900'000, 'x')).body, "900000");
  TestClient third(server.port());
  EXPECT_EQ(third.ask(large_post(900'000) + std::string(900'000, 'x')).body, "900000");
}

TEST(HttpBodies, InChunksAreCountedAsTheyGrow) {
  TestServer server(with_a_megabyte_for_bodies());
  TestClient first(server.port());
  begin_large_body(first);
  TestClient second(server.port());
  ASSERT_TRUE(
      second.send("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "7a120\r\n" +
                  std::string(500'000, 'x')));
  EXPECT_EQ(second.read_answer().status, 503);
  EXPECT_EQ(first.ask(std::string(900'000, 'x')).body, "900000");
}

TEST(HttpBodies, GiveTheirRoomBackWhenTheClientDisappears) {
  HttpServerOptions options = with_a_megabyte_for_bodies();
  options.body_timeout = 20'000;  // of the manual clock; deadlines are looked at every 5 ms
  TestServer server(options);
  for (int i = 0; i < 5; ++i) {
    TestClient client(server.port());
    begin_large_body(client);
    client.reset();
    server.wait_for_open_connections(0);
  }
  TestClient timed_out(server.port());
  begin_large_body(timed_out);
  while (!timed_out.has_input()) {
    server.clock().advance(1'000'000);
    std::this_thread::yield();
  }
  EXPECT_EQ(timed_out.read_answer().status, 408);
  timed_out.close();
  server.wait_for_open_connections(0);
  TestClient last(server.port());
  EXPECT_EQ(last.ask(large_post(900'000) + std::string(900'000, 'x')).body, "900000");
}

TEST(HttpBodies, OneAloneIsReadThoughItIsLargerThanTheMemoryForAll) {
  TestServer server(with_a_megabyte_for_bodies());
  for (int i = 0; i < 2; ++i) {
    TestClient client(server.port());
    EXPECT_EQ(client.ask(large_post(3'000'000) + std::string(3'000'000, 'x')).body, "3000000");
  }
}

TEST(HttpBodies, ThatNobodyWantsAreNotRead) {
  TestServer server;
  for (const std::string head :
       {"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n",
        "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        "POST /nope HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /nope HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"}) {
    TestClient client(server.port());
    const auto answer = client.ask(head);
    EXPECT_EQ(answer.status, 404) << head;
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_THAT(answer.body, HasSubstr("\"detail\":\"Not Found\",\"instance\":\"/nope\""));
    EXPECT_TRUE(client.is_closed_by_server());
  }
  TestClient wrong(server.port());
  const auto answer = wrong.ask(
      "POST /ping HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nContent-Length: 3000000\r\n\r\n");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(answer.headers.at("x-request-id"), "mine");
}

TEST(HttpLimits, AsksTheRouteBeforeItReadsALargeBody) {
  TestServer server;
  for (const std::string head : {"Content-Length: 3000000\r\n", "Transfer-Encoding: chunked\r\n",
                                 "Expect: 100-continue\r\nContent-Length: 4\r\n"}) {
    TestClient client(server.port());
    const auto answer = client.ask("POST /invited?q=1 HTTP/1.1\r\nHost: x\r\n" + head + "\r\n");
    EXPECT_EQ(answer.status, 401) << head;
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_THAT(answer.body, HasSubstr("\"detail\":\"not invited\",\"instance\":\"/invited\""));
    EXPECT_TRUE(client.is_closed_by_server());
  }
  TestClient client(server.port());
  const std::string large(100'000, 'x');
  const std::string head = "POST /invited HTTP/1.1\r\nHost: x\r\nX-Invited: yes\r\n";
  EXPECT_EQ(client.ask(head + "Content-Length: 100000\r\n\r\n" + large).body, large);
  EXPECT_EQ(client.ask(head + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n").body,
            "body");
  EXPECT_EQ(client.ask("POST /invited HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nsmall").body,
            "small");
}

TEST(HttpLimits, TakeARequestLineAsLongAsTheHeaderMayBe) {
  HttpServerOptions options = TestServer::quick_options();
  options.header_max = 128 * 1024;
  TestServer server(options);
  TestClient client(server.port());
  const auto line = [](std::size_t length) {
    return "GET /ping?run_ids=" + std::string(length, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  };
  EXPECT_EQ(client.ask(line(64 * 1024)).status, 200);
  EXPECT_EQ(client.ask(line(120 * 1024)).status, 200);
  EXPECT_EQ(client.ask(line(128 * 1024)).status, 431);
}

TEST(HttpLimits, RefusesHeadWithoutABody) {
  TestServer server;
  for (const std::string request :
       {"HEAD /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        "HEAD /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n",
        "HEAD /ping HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"}) {
    TestClient client(server.port());
    ASSERT_TRUE(client.send(request));
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 4"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: "));
    EXPECT_THAT(answer, testing::EndsWith("\r\n\r\n")) << request;
  }
}

TEST(HttpConnections, BeyondTheLimitAreAnswered503AndLeaveTheOthersAlone) {
  HttpServerOptions options = TestServer::quick_options();
  options.connections_max = 2;
  TestServer server(options);
  TestClient a(server.port()), b(server.port());
  EXPECT_EQ(a.ask(kPing).status, 200);
  EXPECT_EQ(b.ask(kPing).status, 200);
  TestClient c(server.port());
  const auto turned_away = c.ask(kPing);
  EXPECT_EQ(turned_away.status, 503);
  EXPECT_EQ(turned_away.headers.at("retry-after"), "1");
  EXPECT_EQ(turned_away.headers.at("content-type"), "application/problem+json");
  EXPECT_THAT(turned_away.body, HasSubstr("\"detail\":\"Too many connections are open\"}\n"));
  EXPECT_EQ(a.ask(kPing).status, 200);
  b.close();
  server.wait_for_open_connections(1);
  TestClient d(server.port());
  EXPECT_EQ(d.ask(kPing).status, 200);
}

}  // namespace
}  // namespace tenure::net
