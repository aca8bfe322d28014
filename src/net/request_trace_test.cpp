#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

using testing::MatchesRegex;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string ping(std::string_view headers) {
  return "GET /ping HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "\r\n";
}

std::string traced(std::string_view parent, std::string_view more = "") {
  return ping("traceparent: " + std::string(parent) + "\r\n" + std::string(more));
}

TEST(RequestTrace, AnswersWithTheCallersTraceAndASpanOfItsOwn) {
  TestServer server;
  TestClient client(server.port());
  const std::string first = client.ask(traced(kParent)).headers.at("traceparent");
  EXPECT_THAT(first, MatchesRegex("00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01"));
  EXPECT_NE(first, kParent);
  EXPECT_NE(client.ask(traced(kParent)).headers.at("traceparent"), first);
}

TEST(RequestTrace, BeginsANewTraceForABrokenOrDoubledHeaderAndNeverRefuses) {
  TestServer server;
  TestClient client(server.port());
  for (const std::string& request :
       {traced("00-nonsense"), traced(""),
        traced("00-" + std::string(32, '0') + "-b7ad6b7169203331-01"),
        traced(kParent, "TraceParent: " + std::string(kParent) + "\r\n"),
        traced(std::string(kParent) + "-extra", "tracestate: a=1\r\n")}) {
    const auto answer = client.ask(request);
    EXPECT_EQ(answer.status, 200) << request;
    const auto trace = core::parse_traceparent(answer.headers.at("traceparent"));
    ASSERT_TRUE(trace.has_value()) << request;
    EXPECT_NE(core::trace_id_text(*trace), "0af7651916cd43dd8448eb211c80319c") << request;
    EXPECT_FALSE(answer.headers.contains("tracestate"))
        << "the state of a trace that is not continued: " << request;
  }
}

TEST(RequestTrace, PassesOnAStateThatIsValidAndDropsOthers) {
  TestServer server;
  TestClient client(server.port());
  const auto state = [&](std::string_view headers) {
    const auto answer = client.ask(traced(kParent, headers));
    EXPECT_THAT(answer.headers.at("traceparent"), testing::StartsWith("00-0af7651916cd43dd"));
    return answer.headers.contains("tracestate") ? answer.headers.at("tracestate") : "";
  };
  EXPECT_EQ(state("tracestate: rojo=1,congo=t61rcWkgMzE\r\n"), "rojo=1,congo=t61rcWkgMzE");
  EXPECT_EQ(state("tracestate: rojo=1\r\nTraceState: congo=2\r\n"), "rojo=1,congo=2");
  EXPECT_EQ(state("tracestate: not a list\r\n"), "");
  EXPECT_EQ(state("tracestate: a=" + std::string(600, 'x') + "\r\n"), "");
  EXPECT_EQ(state(""), "");
}

TEST(RequestTrace, IsNotMadeWhereNobodyTracesAndNotKeptForTheNextRequest) {
  TestServer server;
  TestClient client(server.port());
  EXPECT_TRUE(client.ask(traced(kParent, "tracestate: a=1\r\n")).headers.contains("tracestate"));
  const auto answer = client.ask(ping(""));
  EXPECT_FALSE(answer.headers.contains("traceparent"));
  EXPECT_FALSE(answer.headers.contains("tracestate"));
  // Nor for a request that is refused while it is read.
  client.ask(traced(kParent));
  const auto refused = client.ask("GET /ping HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n");
  EXPECT_EQ(refused.status, 400);
  EXPECT_FALSE(refused.headers.contains("traceparent"));
}

TEST(RequestTrace, CountsATimeFromTheFirstByteOfARequest) {
  TestServer server;
  TestClient client(server.port());
  // The request comes in two pieces, five seconds apart by the server's clock; 100 Continue says
  // that the first has been read.
  ASSERT_TRUE(
      client.send("POST /age HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                  "Content-Length: 2\r\n\r\n"));
  EXPECT_EQ(client.read_answer().status, 100);
  server.clock().advance(5'000'000);
  ASSERT_TRUE(client.send("ab"));
  EXPECT_EQ(client.read_answer().body, "5000000");
  // The next request on the connection is counted from its own first byte.
  EXPECT_EQ(client.ask("POST /age HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").body, "0");
}

}  // namespace
}  // namespace tenure::net
