#include "core/json.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::core {
namespace {

using testing::HasSubstr;

std::string mistake(std::string_view text, JsonLimits limits = {}) {
  const auto json = parse_json(text, limits);
  EXPECT_FALSE(json.has_value()) << text;
  if (json) return {};
  EXPECT_EQ(json.error().code, ErrorCode::kInvalidArgument);
  return json.error().message;
}

TEST(ParseJson, KeepsIntegersApartFromFractions) {
  const Json json =
      parse_json(" [1, -9223372036854775808, 18446744073709551615, 1.0, 1e2] ").value();
  const JsonArray& items = json.as_array();
  EXPECT_TRUE(items[0].is_int64());
  EXPECT_EQ(items[1].as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(items[2].as_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(items[3].is_double());
  EXPECT_TRUE(items[4].is_double());
}

TEST(ParseJson, NamesTheByteOfTheMistake) {
  EXPECT_THAT(mistake("{\"a\": 1, x}"), HasSubstr("at byte 9"));
  EXPECT_THAT(mistake("[1, 2] 3"), HasSubstr("at byte 7"));
  EXPECT_THAT(mistake(""), HasSubstr("at byte 0"));
  EXPECT_THAT(mistake("[1,"), HasSubstr("at byte 3"));
}

TEST(ParseJson, RefusesWhatRfc8259Refuses) {
  for (const char* text : {"NaN", "[Infinity]", "-Infinity", "[1,]", "{'a':1}", "01", "+1", "1.",
                           ".5", "\"\x01\"", "[1] // c", "{\"a\" 1}", "tru", "\"\\x\"", "\"\xff\""})
    mistake(text);
}

TEST(ParseJson, StopsAtTheDepthLimit) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(64)).has_value());
  mistake(nested(65));
  mistake(nested(1'000'000));
  EXPECT_TRUE(parse_json(nested(3), {.depth_max = 3}).has_value());
  mistake(nested(4), {.depth_max = 3});
}

TEST(JsonText, WritesNumbersThatReadBackToTheSameBits) {
  EXPECT_EQ(to_text(Json(0.1)), "0.1");
  EXPECT_EQ(to_text(Json(1.0)), "1.0");
  EXPECT_EQ(to_text(Json(1)), "1");
  EXPECT_EQ(to_text(Json(std::nan(""))), "null");
  EXPECT_EQ(to_text(Json(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(to_text(Json(-0.0)), "-0.0");
}

RC_GTEST_PROP(JsonText, ReadsBackEveryDouble, (std::uint64_t bits)) {
  const auto value = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(value));
  const double back = parse_json(to_text(Json(value))).value().as_double();
  RC_ASSERT(std::bit_cast<std::uint64_t>(back) == bits);
}

TEST(ParseJson, ReadsNumbersAtTheEdges) {
  const auto number = [](std::string_view text) { return parse_json(text).value().as_double(); };
  EXPECT_EQ(number("5e-324"), 5e-324);
  EXPECT_EQ(number("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(number("2.2250738585072011e-308"), 2.2250738585072011e-308);
  EXPECT_EQ(number("9007199254740993.0"), 9007199254740992.0);
  EXPECT_EQ(number("123456789012345678901234567890"), 123456789012345678901234567890.0);
  EXPECT_EQ(number("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(number("-1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(number("-1e-400")));
  mistake("1e400");
  mistake("[-1e999999999999]");
}

RC_GTEST_PROP(JsonText, ReadsBackEveryAsciiText, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
  RC_ASSERT(parse_json(to_text(Json(text))).value().as_string() == text);
}

RC_GTEST_PROP(ParseJson, BearsAnyBytes, (const std::string& bytes)) {
  const auto json = parse_json(bytes);
  RC_ASSERT(json.has_value() || json.error().code == ErrorCode::kInvalidArgument);
}

TEST(JsonText, IndentsForPeople) {
  EXPECT_EQ(to_pretty_text(parse_json(R"({"a":[1,{}],"b":[]})").value()),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n");
  EXPECT_EQ(to_text(parse_json(R"({"a": [1, {}], "ü": "\n"})").value()),
            R"({"a":[1,{}],"ü":"\n"})");
}

TEST(JsonMembers, NameTheKeyAndWhatWasExpected) {
  const Json json = parse_json(R"({"t":"x","i":3,"n":1.5,"b":true,"a":[1],"o":{}})").value();
  EXPECT_EQ(json_text(json, "t").value(), "x");
  EXPECT_EQ(json_integer(json, "i").value(), 3);
  EXPECT_EQ(json_number(json, "i").value(), 3);
  EXPECT_EQ(json_number(json, "n").value(), 1.5);
  EXPECT_TRUE(json_boolean(json, "b").value());
  EXPECT_EQ((*json_array(json, "a"))->size(), 1u);
  EXPECT_TRUE((*json_object(json, "o"))->empty());
  EXPECT_EQ(json_integer(json, "n").error().message, "'n' should be an integer, but is double");
  EXPECT_EQ(json_text(json, "x").error().message, "'x' is missing; expected a string");
  EXPECT_FALSE(json_boolean(json, "i").has_value());
  EXPECT_FALSE(json_array(json, "o").has_value());
  EXPECT_FALSE(json_object(Json(1), "o").has_value());
}

}  // namespace
}  // namespace tenure::core
