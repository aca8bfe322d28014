#include "net/http_server.h"

#include <array>
#include <atomic>
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

std::string post(std::string_view path, std::string_view body, std::string_view more = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

TEST(HttpServer, AnswersWithLengthDateTypeAndRequestId) {
  TestServer server;
  TestClient client(server.port());
  const auto answer = client.ask(kPing);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"pong\":true}");
  EXPECT_EQ(answer.headers.at("content-length"), "13");
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_THAT(answer.headers.at("x-request-id"),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST(HttpServer, KeepsTheConnectionUntilAskedToCloseIt) {
  TestServer server;
  TestClient client(server.port());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.ask(kPing).status, 200);
  const auto last = client.ask("GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(last.headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpServer, ClosesAfterAnHttp10RequestUnlessKeepAliveIsAsked) {
  TestServer server;
  TestClient client(server.port());
  const auto kept = client.ask("GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.headers.at("connection"), "keep-alive");
  EXPECT_EQ(client.ask("GET /ping HTTP/1.0\r\n\r\n").headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpServer, AnswersPipelinedRequestsInOrderInOneWrite) {
  TestServer server;
  TestClient client(server.port());
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += post("/echo", "body " + std::to_string(i));
  ASSERT_TRUE(client.send(requests));
  const std::size_t first = client.receive_once();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.read_answer().body, "body " + std::to_string(i));
  }
  EXPECT_GT(first, 20U * 100) << "the answers should leave together";
}

TEST(HttpServer, KeepsTheOrderOfPipelinedAnswersWhenOneOfThemBlocks) {
  TestServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send(post("/echo", "1") + post("/blocking", "2") + post("/echo", "3") +
                          post("/blocking", "4") + post("/blocking", "5")));
  for (const char* body : {"1", "2", "3", "4", "5"}) EXPECT_EQ(client.read_answer().body, body);
}

TEST(HttpServer, RunsARouteOnAWorkerForRequestsThatBearItsBlockingHeader) {
  HttpServerOptions options = TestServer::quick_options();
  options.threads = options.worker_threads = 1;
  TestServer server(options);
  TestClient client(server.port());
  const auto thread = [&](std::string_view header) {
    return client.ask(post("/sometimes-blocking", "", header)).body;
  };
  const std::string loop = thread("");
  EXPECT_NE(thread("x-slow: 1\r\n"), loop);
  EXPECT_EQ(thread("X-Slower: 1\r\n"), loop);
}

TEST(HttpServer, RunsBlockingRoutesWithoutHoldingUpOtherConnections) {
  TestServer server;
  TestClient slow(server.port());
  ASSERT_TRUE(slow.send(post("/gate", "")));
  server.wait_until_gate_is_entered();
  TestClient quick(server.port());
  EXPECT_EQ(quick.ask(kPing).status, 200);
  server.open_gate();
  EXPECT_EQ(slow.read_answer().status, 200);
}

TEST(HttpServer, ReadsARequestThatArrivesByteByByte) {
  TestServer server;
  TestClient client(server.port());
  const std::string request = post("/echo", "slow but honest", "X-A: b\r\n");
  for (const char c : request) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_EQ(client.read_answer().body, "slow but honest");
}

TEST(HttpServer, ReadsChunkedBodiesAndWhatFollowsThem) {
  TestServer server;
  TestClient client(server.port());
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\nX-Trailer: t\r\n\r\n";
  ASSERT_TRUE(client.send(chunked + chunked + std::string(kPing)));
  EXPECT_EQ(client.read_answer().body, "hello, world");
  EXPECT_EQ(client.read_answer().body, "hello, world");
  EXPECT_EQ(client.read_answer().body, "{\"pong\":true}");
  for (const char c : chunked) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_EQ(client.read_answer().body, "hello, world");
}

TEST(HttpServer, ReadsBodiesOfMegabytes) {
  TestServer server;
  TestClient client(server.port());
  std::string body(3'000'000, 'a');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 26);
  EXPECT_EQ(client.ask(post("/length", body)).body, "3000000");
  std::string chunks = "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 3; ++i) chunks += "f4240\r\n" + body.substr(0, 1'000'000) + "\r\n";
  EXPECT_EQ(client.ask(chunks + "0\r\n\r\n").body, "3000000");
  EXPECT_EQ(client.ask(kPing).status, 200);
}

TEST(HttpServer, WritesLargeAnswersToSlowReaders) {
  TestServer server;
  TestClient client(server.port(), 4096);
  ASSERT_TRUE(client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n" + post("/blocking", "b") +
                          std::string(kPing)));
  EXPECT_EQ(client.read_answer().body.size(), 8U * 1024 * 1024);
  EXPECT_EQ(client.read_answer().body, "b");
  EXPECT_EQ(client.read_answer().body, "{\"pong\":true}");
}

TEST(HttpServer, SaysContinueToAClientThatWaitsForIt) {
  TestServer server;
  TestClient client(server.port());
  const auto go_on = client.ask(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(go_on.status, 100);
  EXPECT_EQ(client.ask("body").body, "body");
  EXPECT_EQ(client
                .ask("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\n"
                     "Content-Length: 4\r\n\r\n")
                .status,
            417);
}

TEST(HttpServer, RefusesABodyThatIsTooLargeBeforeItIsSent) {
  TestServer server;
  TestClient client(server.port());
  const auto answer = client.ask(
      "POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  TestClient other(server.port());
  EXPECT_EQ(other.ask(post("/small", "0123456789abcdef")).status, 200);
}

TEST(HttpServer, AnswersHeadWithTheLengthAndWithoutTheBody) {
  TestServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send("HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto head = client.read_answer(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "13");
  EXPECT_EQ(client.ask(kPing).body, "{\"pong\":true}");
}

TEST(HttpServer, EchoesAValidRequestIdAndReplacesABadOne) {
  TestServer server;
  TestClient client(server.port());
  const auto id_for = [&](const std::string& sent) {
    return client.ask("GET /ping HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + sent + "\r\n\r\n")
        .headers["x-request-id"];
  };
  EXPECT_EQ(id_for("abc-123"), "abc-123");
  EXPECT_EQ(id_for(std::string(128, 'x')), std::string(128, 'x'));
  EXPECT_EQ(id_for(std::string(129, 'x')).size(), 36U);
  EXPECT_EQ(id_for("two words").size(), 36U);
  EXPECT_EQ(id_for("\xC3\xA9").size(), 36U);
}

TEST(HttpServer, GivesHandlersPathParametersAndQuery) {
  TestServer server;
  TestClient client(server.port());
  EXPECT_EQ(client.ask("GET /models/a%20b/rows/7?q=x%26y HTTP/1.1\r\nHost: x\r\n\r\n").body,
            "a%20b|7|x&y");
  // The body moves the buffer that the parameters look into.
  EXPECT_EQ(client.ask(post("/models/telco", std::string(200'000, 'z'))).body, "telco|200000");
  EXPECT_EQ(
      client.ask("GET http://proxy.example/models/m/rows/1?q=2 HTTP/1.1\r\nHost: x\r\n\r\n").body,
      "m|1|2");
}

TEST(HttpServer, TakesThePathOfAUrlAndNotOfItsQuery) {
  TestServer server;
  TestClient client(server.port());
  EXPECT_EQ(client.ask("GET http://h?x=/ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
  EXPECT_EQ(client.ask("GET http://h HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
  EXPECT_EQ(client.ask("GET HTTP://h/ping?x=/nowhere HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(HttpServer, AnswersUnknownPathsAndMethods) {
  TestServer server;
  TestClient client(server.port());
  const auto unknown =
      client.ask("GET /nowhere?key=secret HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\"b\r\n\r\n");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(unknown.body,
            R"({"type":"about:blank","title":"Not Found","status":404,"detail":"Not Found",)"
            R"("instance":"/nowhere","request_id":"a\"b"})");
  const auto wrong = client.ask("DELETE /ping HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(client.ask("BREW /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
  EXPECT_EQ(client.ask(post("/nowhere", "body")).status, 404);
  EXPECT_EQ(client.ask(kPing).status, 200);
}

TEST(HttpServer, Answers500WhenAHandlerThrowsAndTellsNothing) {
  TestServer server;
  TestClient client(server.port());
  for (const char* path : {"/throw", "/throw-blocking", "/inject"}) {
    const auto answer = client.ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_THAT(answer.body, HasSubstr("\"detail\":\"Internal Server Error\",\"instance\""));
    EXPECT_EQ(answer.headers.count("set-cookie"), 0U);
  }
  EXPECT_EQ(client.ask(kPing).status, 200);
  EXPECT_THAT(server.metrics().prometheus_text(),
              HasSubstr("tenure_http_handler_exceptions_total 3\n"));
}

TEST(HttpServer, CountsRequestsByRouteAndClass) {
  TestServer server;
  TestClient client(server.port());
  client.ask(kPing);
  client.ask(kPing);
  client.ask("GET /models/m/rows/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.ask("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string text = server.metrics().prometheus_text();
  EXPECT_THAT(text, HasSubstr("tenure_http_requests_total{method=\"GET\",route=\"/ping\","
                              "status=\"2xx\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("tenure_http_requests_total{method=\"GET\","
                              "route=\"/models/{model}/rows/{row}\",status=\"2xx\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tenure_http_requests_total{method=\"any\",route=\"(none)\","
                              "status=\"4xx\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tenure_http_request_duration_seconds_count{method=\"GET\","
                              "route=\"/ping\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("tenure_http_connections_open 1\n"));
}

TEST(HttpServer, SurvivesClientsThatDisappear) {
  TestServer server;
  for (const std::string& part :
       {std::string("GET /pi"),
        std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9"
                    "\r\n\r\nhalf"),
        std::string("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"), post("/blocking", "x")}) {
    TestClient client(server.port());
    ASSERT_TRUE(client.send(part));
    client.reset();
  }
  TestClient waiting(server.port());
  ASSERT_TRUE(waiting.send(post("/gate", "")));
  server.wait_until_gate_is_entered();
  waiting.reset();
  server.open_gate();
  TestClient client(server.port());
  EXPECT_EQ(client.ask(kPing).status, 200);
  server.wait_for_open_connections(1);
}

TEST(HttpServer, AnswersAClientThatHasShutDownItsSide) {
  TestServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send(kPing));
  client.shut_down_sending();
  EXPECT_THAT(client.read_all(), HasSubstr("pong"));
}

TEST(HttpServer, NamesThePortThatIsInUse) {
  TestServer server;
  const Router router({});
  core::MetricRegistry metrics;
  const core::SystemClock clock;
  auto second = HttpServer::listen({.port = server.port(), .threads = 1}, router, metrics, clock);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, core::ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("port " + std::to_string(server.port())));
  EXPECT_THAT(second.error().message, HasSubstr("serving.port"));
}

TEST(HttpServer, RefusesHostsThatAreNoAddressOfThisMachine) {
  const Router router({});
  core::MetricRegistry metrics;
  const core::SystemClock clock;
  for (const char* host : {"not an address", "192.0.2.1"}) {
    auto server = HttpServer::listen({.host = host, .port = 0}, router, metrics, clock);
    ASSERT_FALSE(server) << host;
    EXPECT_EQ(server.error().code, core::ErrorCode::kInvalidArgument);
    EXPECT_THAT(server.error().message, HasSubstr(host));
  }
}

TEST(HttpServer, AnswersHundredsOfPipelinedRequestsAndOthersMeanwhile) {
  HttpServerOptions options = TestServer::quick_options();
  options.threads = 1;
  TestServer server(options);
  TestClient many(server.port()), one(server.port());
  constexpr int kRequests = 2000;
  std::string requests;
  for (int i = 0; i < kRequests; ++i)
    requests += "GET /models/m/rows/" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(many.send(requests));
  EXPECT_EQ(one.ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  for (int i = 0; i < kRequests; ++i)
    ASSERT_EQ(many.read_answer().body, "m|" + std::to_string(i) + "|");
}

}  // namespace
}  // namespace tenure::net
