#include <rapidcheck.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "net/request_parser.h"
#include "net/test_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

/// Bytes that look enough like HTTP to get past the first check: pieces of requests in random order
/// with random bytes between them.
rc::Gen<std::string> hostile_bytes() {
  static const std::vector<std::string> kPieces = {"GET ",
                                                   "POST ",
                                                   "/echo",
                                                   "/ping",
                                                   "/models/",
                                                   "%",
                                                   "?",
                                                   " HTTP/1.1",
                                                   " HTTP/1.0",
                                                   "\r\n",
                                                   "\r\n\r\n",
                                                   "\n",
                                                   "\r",
                                                   "Host: x\r\n",
                                                   "Content-Length: ",
                                                   "Transfer-Encoding: chunked\r\n",
                                                   "Expect: 100-continue\r\n",
                                                   "Connection: ",
                                                   "close",
                                                   "keep-alive",
                                                   "0",
                                                   "5",
                                                   "ffffffffffffffff",
                                                   "18446744073709551616",
                                                   ":",
                                                   ";",
                                                   " ",
                                                   "\t",
                                                   std::string(1, '\0'),
                                                   "\xff",
                                                   "POST /echo HTTP/1.1\r\nHost: x\r\n",
                                                   "0\r\n\r\n",
                                                   "5\r\nhello\r\n"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(
                          rc::gen::oneOf(rc::gen::elementOf(kPieces), rc::gen::elementOf(kPieces),
                                         rc::gen::arbitrary<std::string>())),
                      [](const std::vector<std::string>& parts) {
                        std::string out;
                        for (const std::string& part : parts) out += part;
                        return out;
                      });
}

TEST(HostileBytes, NeverStopTheServerFromAnsweringOthers) {
  TestServer server;
  TestClient steady(server.port());
  ASSERT_EQ(steady.ask(kPing).status, 200);
  const bool holds = rc::check("1,000 hostile connections", [&] {
    for (int i = 0; i < 10; ++i) {
      const std::string bytes = *hostile_bytes();
      TestClient client(server.port());
      RC_ASSERT(client.is_connected());
      client.send(bytes);
      client.shut_down_sending();
      const std::string answer = client.read_all();
      RC_ASSERT(answer.empty() || answer.rfind("HTTP/1.1 ", 0) == 0);
    }
    RC_ASSERT(steady.ask(kPing).status == 200);
  });
  EXPECT_TRUE(holds);
}

/// Everything a parser says about a request, as text.
std::string outcome(std::string_view bytes, std::size_t step) {
  RequestParser parser;
  RequestParser::Step result = RequestParser::Step::kNeedMore;
  for (std::size_t n = 0; result == RequestParser::Step::kNeedMore && n < bytes.size();) {
    n = std::min(n + step, bytes.size());
    // A copy of its own each time: the parser must not keep pointers from call to call.
    const std::string copy(bytes.substr(0, n));
    result = parser.parse_head(copy);
  }
  if (result == RequestParser::Step::kRefused) {
    return "refused " + std::to_string(parser.refusal().status);
  }
  if (result == RequestParser::Step::kNeedMore) return "more";
  const RequestHead& head = parser.head();
  std::string text = std::to_string(static_cast<int>(head.method)) + " " +
                     std::string(bytes.substr(head.target.offset, head.target.length)) + " " +
                     std::to_string(head.content_length) + (head.is_chunked ? " chunked" : "") +
                     (head.is_keep_alive ? " alive" : "");
  for (const RequestHead::Field& field : head.fields) {
    text += " " + std::string(bytes.substr(field.name.offset, field.name.length)) + "=" +
            std::string(bytes.substr(field.value.offset, field.value.length));
  }
  return text;
}

RC_GTEST_PROP(RequestParser, SaysTheSameHoweverTheBytesAreCut, ()) {
  const std::string bytes = "GET /a HTTP/1.1\r\nHost: x\r\n" + *hostile_bytes() + "\r\n\r\n";
  RC_ASSERT(outcome(bytes, 1) == outcome(bytes, bytes.size()));
  RC_ASSERT(outcome(bytes, 7) == outcome(bytes, bytes.size()));
}

}  // namespace
}  // namespace tenure::net
