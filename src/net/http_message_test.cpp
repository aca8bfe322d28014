#include "net/http_message.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "net/response_head.h"

namespace tenure::net {
namespace {

TEST(PercentDecode, DecodesWhatIsEncodedAndRefusesWhatIsCutOff) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%c3%A9"), "a b/c\xC3\xA9");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("100%25"), "100%");
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%2"), std::nullopt);
  EXPECT_EQ(percent_decode("%zz"), std::nullopt);
}

RC_GTEST_PROP(PercentDecode, UndoesEncodingOfAnyBytes, (const std::string& text)) {
  std::string encoded;
  for (const char c : text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 0xF];
  }
  RC_ASSERT(percent_decode(encoded) == text);
}

TEST(Request, FindsHeadersWhateverTheirCase) {
  const Request::Header headers[] = {{"Content-Type", "text/csv"}, {"X-A", "1"}};
  Request request;
  request.headers = headers;
  EXPECT_EQ(request.header("content-TYPE"), "text/csv");
  EXPECT_EQ(request.header("x-a"), "1");
  EXPECT_EQ(request.header("x-ab"), "");
}

TEST(Request, DecodesQueryParameters) {
  Request request;
  request.query = "a=1&name=A%20%26+B&empty=&flag&bad=%z";
  EXPECT_EQ(request.query_parameter("a"), "1");
  EXPECT_EQ(request.query_parameter("name"), "A & B");
  EXPECT_EQ(request.query_parameter("empty"), "");
  EXPECT_EQ(request.query_parameter("flag"), "");
  EXPECT_EQ(request.query_parameter("bad"), std::nullopt);
  EXPECT_EQ(request.query_parameter("none"), std::nullopt);
}

TEST(AppendJsonString, EscapesWhatJsonWantsEscapedAndMendsBrokenUtf8) {
  std::string out;
  append_json_string(out, "a\"b\\c\n\x01\xC3\xA9\xFF");
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\u0001\xC3\xA9\xEF\xBF\xBD\"");
}

TEST(DateLine, RendersTheDateOfRfc9110) {
  DateLine date;
  date.refresh(784111777LL * core::kMicrosPerSecond);
  EXPECT_EQ(date.date(), "Sun, 06 Nov 1994 08:49:37 GMT");
  date.refresh(784111778LL * core::kMicrosPerSecond + 999'999);
  EXPECT_EQ(date.date(), "Sun, 06 Nov 1994 08:49:38 GMT");
}

TEST(AreHeadersSafe, RefusesInjectedHeadersAndTheServersOwn) {
  const auto is_safe = [](std::string name, std::string value) {
    Response response;
    response.headers.emplace_back(std::move(name), std::move(value));
    return are_headers_safe(response);
  };
  EXPECT_TRUE(is_safe("Location", "/docs"));
  EXPECT_FALSE(is_safe("Location", "/a\r\nSet-Cookie: x=1"));
  EXPECT_FALSE(is_safe("Location", "/a\nb"));
  EXPECT_FALSE(is_safe("Location", std::string("a\0b", 3)));
  EXPECT_FALSE(is_safe("X:Y", "1"));
  EXPECT_FALSE(is_safe("", "1"));
  EXPECT_FALSE(is_safe("Content-Length", "5"));
  EXPECT_FALSE(is_safe("TRANSFER-ENCODING", "chunked"));
}

}  // namespace
}  // namespace tenure::net
