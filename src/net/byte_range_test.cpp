#include "net/byte_range.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/http_date.h"

namespace tenure::net {
namespace {

constexpr core::Micros kModified = 784'111'777'500'000;  // half a second after 08:49:37
constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr std::string_view kTag = "\"abc\"";

using Headers = std::vector<Request::Header>;

struct Selected {
  int status = 0;
  std::optional<ByteRange> range;
  std::string content_range;
  bool is_error = false;
};

Selected select(const Headers& headers, std::uint64_t size = 10'000, Method method = Method::kGet) {
  Request request;
  request.method = method;
  request.headers = headers;
  Response response;
  const auto range =
      select_range(request, {.size = size, .etag = kTag, .modified = kModified}, response);
  Selected out{response.status, range, {}, !response.error_detail.empty()};
  std::string seen;
  for (const auto& [name, value] : response.headers) {
    if (name == "Content-Range") out.content_range = value;
    if (name != "Content-Range") seen += name + "=" + value + ";";
  }
  EXPECT_EQ(seen, "Accept-Ranges=bytes;ETag=\"abc\";Last-Modified=" + std::string(kDate) + ";");
  return out;
}

struct RangeCase {
  std::string_view range;
  std::uint64_t size;
  int status;
  std::uint64_t offset, length;
};

class Ranges : public testing::TestWithParam<RangeCase> {};

// Those of RFC 9110 section 14.1.2 are of 10,000 bytes.
INSTANTIATE_TEST_SUITE_P(
    All, Ranges,
    testing::Values(
        RangeCase{"bytes=0-499", 10'000, 206, 0, 500},
        RangeCase{"bytes=500-999", 10'000, 206, 500, 500},
        RangeCase{"bytes=-500", 10'000, 206, 9500, 500},
        RangeCase{"bytes=9500-", 10'000, 206, 9500, 500}, RangeCase{"bytes=0-0", 10'000, 206, 0, 1},
        RangeCase{"bytes=-1", 10'000, 206, 9999, 1}, RangeCase{"bytes=0-", 10'000, 206, 0, 10'000},
        RangeCase{"bytes=9999-", 10'000, 206, 9999, 1},
        RangeCase{"bytes=9000-99999", 10'000, 206, 9000, 1000},
        RangeCase{"bytes=-99999", 10'000, 206, 0, 10'000},
        RangeCase{"Bytes= 5 - 6 ", 10'000, 206, 5, 2},
        RangeCase{"bytes=1-99999999999999999999999", 10'000, 206, 1, 9999},
        RangeCase{"bytes=-99999999999999999999999", 10'000, 206, 0, 10'000},
        RangeCase{"bytes=10000-", 10'000, 416, 0, 0},
        RangeCase{"bytes=99999999999999999999999-", 10'000, 416, 0, 0},
        RangeCase{"bytes=-0", 10'000, 416, 0, 0}, RangeCase{"bytes=0-", 0, 416, 0, 0},
        RangeCase{"bytes=-5", 0, 200, 0, 0}, RangeCase{"bytes=0-0,-1", 10'000, 200, 0, 10'000},
        RangeCase{"bytes=500-600,601-999", 10'000, 200, 0, 10'000},
        RangeCase{"lines=0-499", 10'000, 200, 0, 10'000},
        RangeCase{"bytes=5-4", 10'000, 200, 0, 10'000},
        RangeCase{"bytes=-", 10'000, 200, 0, 10'000}, RangeCase{"bytes=", 10'000, 200, 0, 10'000},
        RangeCase{"bytes", 10'000, 200, 0, 10'000}, RangeCase{"bytes=a-b", 10'000, 200, 0, 10'000},
        RangeCase{"bytes=1-b", 10'000, 200, 0, 10'000},
        RangeCase{"bytes=+1-2", 10'000, 200, 0, 10'000},
        RangeCase{"bytes=1--2", 10'000, 200, 0, 10'000}, RangeCase{"", 10'000, 200, 0, 10'000}));

TEST_P(Ranges, AreUnderstoodAsTheStandardSays) {
  const RangeCase& one = GetParam();
  const Selected got = select({{"range", one.range}}, one.size);
  EXPECT_EQ(got.status, one.status);
  if (one.status == 416) {
    EXPECT_FALSE(got.range.has_value());
    EXPECT_TRUE(got.is_error);
    EXPECT_EQ(got.content_range, "bytes */" + std::to_string(one.size));
    return;
  }
  ASSERT_TRUE(got.range.has_value());
  EXPECT_EQ(got.range->offset, one.offset);
  EXPECT_EQ(got.range->length, one.length);
  if (one.status == 206) {
    EXPECT_EQ(got.content_range, "bytes " + std::to_string(one.offset) + "-" +
                                     std::to_string(one.offset + one.length - 1) + "/" +
                                     std::to_string(one.size));
  }
}

struct ConditionCase {
  Headers headers;
  int status;
  Method method = Method::kGet;
};

class Conditions : public testing::TestWithParam<ConditionCase> {};

INSTANTIATE_TEST_SUITE_P(
    All, Conditions,
    testing::Values(ConditionCase{{{"If-None-Match", "\"abc\""}}, 304},
                    ConditionCase{{{"If-None-Match", "W/\"abc\""}}, 304},
                    ConditionCase{{{"If-None-Match", "\"x,y\", \"abc\""}}, 304},
                    ConditionCase{{{"If-None-Match", "\"x\""}, {"if-none-match", "\"abc\""}}, 304},
                    ConditionCase{{{"If-None-Match", "*"}}, 304},
                    ConditionCase{{{"If-None-Match", "\"abd\""}}, 200},
                    ConditionCase{{{"If-None-Match", "abc"}}, 200},
                    ConditionCase{{{"If-None-Match", "\"abc"}}, 200},
                    ConditionCase{{{"If-None-Match", "\"abc\""}}, 304, Method::kHead},
                    ConditionCase{{{"If-None-Match", "*"}}, 412, Method::kPut},
                    ConditionCase{{{"If-Match", "\"abc\""}}, 200},
                    ConditionCase{{{"If-Match", "*"}}, 200},
                    ConditionCase{{{"If-Match", "W/\"abc\""}}, 412},
                    ConditionCase{{{"If-Match", "\"x\""}}, 412},
                    ConditionCase{{{"If-Match", "\"x\", \"abc\""}}, 200},
                    ConditionCase{{{"If-Modified-Since", kDate}}, 304},
                    ConditionCase{{{"If-Modified-Since", kBefore}}, 200},
                    ConditionCase{{{"If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"}}, 304},
                    ConditionCase{{{"If-Modified-Since", "Sun Nov  6 08:49:37 1994"}}, 304},
                    ConditionCase{{{"If-Modified-Since", "yesterday"}}, 200},
                    ConditionCase{{{"If-Modified-Since", kDate}}, 200, Method::kPut},
                    // A tag says more than a date.
                    ConditionCase{{{"If-Modified-Since", kDate}, {"If-None-Match", "\"x\""}}, 200},
                    ConditionCase{{{"If-Unmodified-Since", kDate}}, 200},
                    ConditionCase{{{"If-Unmodified-Since", kBefore}}, 412},
                    ConditionCase{{{"If-Unmodified-Since", kBefore}, {"If-Match", "\"abc\""}}, 200},
                    ConditionCase{{{"Range", "bytes=1-2"}, {"If-Range", "\"abc\""}}, 206},
                    ConditionCase{{{"Range", "bytes=1-2"}, {"If-Range", "W/\"abc\""}}, 200},
                    ConditionCase{{{"Range", "bytes=1-2"}, {"If-Range", "\"x\""}}, 200},
                    ConditionCase{{{"Range", "bytes=1-2"}, {"If-Range", kDate}}, 206},
                    ConditionCase{{{"Range", "bytes=1-2"}, {"If-Range", kBefore}}, 200},
                    ConditionCase{{{"Range", "bytes=1-2"}, {"If-Range", "soon"}}, 200},
                    ConditionCase{{{"Range", "bytes=99999-"}, {"If-Range", "\"x\""}}, 200},
                    ConditionCase{{{"Range", "bytes=99999-"}, {"If-None-Match", "\"abc\""}}, 304},
                    ConditionCase{{{"Range", "bytes=1-2"}}, 200, Method::kHead}));

TEST_P(Conditions, AreJudgedAsTheStandardSays) {
  const Selected got = select(GetParam().headers, 10'000, GetParam().method);
  EXPECT_EQ(got.status, GetParam().status);
  EXPECT_EQ(got.range.has_value(), got.status == 200 || got.status == 206);
  EXPECT_EQ(got.is_error, got.status == 412);
}

TEST(ByteRange, KnowsNoConditionsOnWhatTheRepresentationDoesNotHave) {
  Request request;
  const Headers headers = {{"If-None-Match", "\"\""},
                           {"If-Unmodified-Since", kBefore},
                           {"Range", "bytes=1-2"},
                           {"If-Range", kDate}};
  request.headers = headers;
  Response response;
  const auto range = select_range(request, {.size = 5, .etag = {}, .modified = 0}, response);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(range->length, 5U);
  ASSERT_EQ(response.headers.size(), 1U);
}

TEST(HttpDate, WritesWhatItReads) {
  EXPECT_EQ(format_http_date(kModified), kDate);
  EXPECT_EQ(format_http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_http_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(parse_http_date(kDate), 784'111'777'000'000);
  EXPECT_EQ(parse_http_date("Tuesday, 19-Jan-38 03:14:07 GMT"), 2'147'483'647'000'000);
  EXPECT_EQ(parse_http_date("Thu Nov 10 08:49:37 1994"), 784'457'377'000'000);
  for (const std::string_view wrong :
       {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT", ", ", "Sun Nov 6 08:49:37 1994"}) {
    EXPECT_FALSE(parse_http_date(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace tenure::net
