#include "api/json_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/json.h"

namespace tenure::api {
namespace {

std::string mistake(std::string_view text) {
  std::string unescaped;
  JsonReader reader(text, unescaped);
  reader.skip();
  if (reader.finish()) return "";
  return std::to_string(reader.offset()) + ": " + std::string(reader.reason());
}

std::string text_of(std::string_view json) {
  std::string unescaped;
  JsonReader reader(json, unescaped);
  const std::string text(reader.read_text());
  return reader.finish() ? text : "mistake";
}

TEST(JsonReader, ReadsMembersInTheOrderTheyStand) {
  std::string unescaped;
  JsonReader reader(R"( { "a" : [ 1 , -2.5e3, "x" ] , "b":{"c":null}, "a": true } )", unescaped);
  std::string_view key;
  reader.open_object();
  ASSERT_TRUE(reader.next_key(key));
  EXPECT_EQ(key, "a");
  reader.open_array();
  ASSERT_TRUE(reader.next_item());
  EXPECT_EQ(reader.read_number(), "1");
  ASSERT_TRUE(reader.next_item());
  EXPECT_EQ(reader.read_number(), "-2.5e3");
  ASSERT_TRUE(reader.next_item());
  EXPECT_EQ(reader.read_text(), "x");
  EXPECT_FALSE(reader.next_item());
  ASSERT_TRUE(reader.next_key(key));
  EXPECT_EQ(key, "b");
  EXPECT_EQ(reader.skip(), R"({"c":null})");
  ASSERT_TRUE(reader.next_key(key)) << "a key may come twice; the caller sees both";
  EXPECT_EQ(key, "a");
  EXPECT_EQ(reader.peek(), JsonReader::Kind::kTrue);
  reader.skip();
  EXPECT_FALSE(reader.next_key(key));
  EXPECT_TRUE(reader.finish());
}

TEST(JsonReader, UnescapesStrings) {
  EXPECT_EQ(text_of(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(text_of(R"("\u0041\u00e9\u20AC\uD83D\uDE00")"),
            "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(text_of("\"\xC3\xA9\""), "\xC3\xA9");
}

TEST(JsonReader, KeepsEarlierStringsValidWhileItUnescapesMore) {
  const std::string item = R"("\u0041bcdefghijklmnopqrstuvwxyz")";
  std::string text = "[" + item;
  for (int i = 0; i < 500; ++i) text += "," + item;
  text += "]";
  std::string unescaped;
  JsonReader reader(text, unescaped);
  std::vector<std::string_view> found;
  reader.open_array();
  while (reader.next_item()) found.push_back(reader.read_text());
  ASSERT_TRUE(reader.finish());
  ASSERT_EQ(found.size(), 501U);
  for (const std::string_view one : found) EXPECT_EQ(one, "Abcdefghijklmnopqrstuvwxyz");
}

TEST(JsonReader, NamesTheByteAndTheReasonOfAMistake) {
  EXPECT_EQ(mistake(R"({"a":NaN})"), "5: a value should be here");
  EXPECT_EQ(mistake(R"({"a":1,})"), "7: a key in double quotes should be here");
  EXPECT_EQ(mistake("[1,]"), "3: a value should be here");
  EXPECT_EQ(mistake("[1 2]"), "3: a comma or ']' should be here");
  EXPECT_EQ(mistake(R"({"a" 1})"), "5: a ':' should be here");
  EXPECT_EQ(mistake("{'a':1}"), "1: a key in double quotes should be here");
  EXPECT_EQ(mistake("\"abc"), "4: the text ends inside a string");
  EXPECT_EQ(mistake("[1] x"), "4: the text should end here");
  EXPECT_EQ(mistake(""), "0: the text ends where a value should be");
  EXPECT_EQ(mistake("\"a\xFF\""), "2: invalid UTF-8");
  EXPECT_EQ(mistake("\"\xED\xA0\x80\""), "1: invalid UTF-8") << "a surrogate in UTF-8";
  EXPECT_EQ(mistake("\"a\nb\""), "2: a control character should be escaped");
}

TEST(JsonReader, RefusesWhatRfc8259Refuses) {
  for (const char* text : {"01",
                           "-",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "+1",
                           "0x10",
                           "Infinity",
                           "-Infinity",
                           "nul",
                           "True",
                           R"("\x41")",
                           R"("\u12")",
                           R"("\ud800")",
                           R"("\ud800A")",
                           R"("\udc00")",
                           "[",
                           "{",
                           "]",
                           "{]",
                           "[}",
                           "// comment\n1",
                           "1 1",
                           R"({"a"})",
                           R"({1:2})"}) {
    EXPECT_NE(mistake(text), "") << text;
  }
}

TEST(JsonReader, StopsAtItsDepthLimit) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(mistake(nested(JsonReader::kDepthMax)), "");
  EXPECT_EQ(mistake(nested(JsonReader::kDepthMax + 1)), "64: nested too deep");
  EXPECT_EQ(mistake(std::string(100'000, '[')), "64: nested too deep");
}

RC_GTEST_PROP(JsonReader, AgreesWithTheTreeParserOnAnyBytes, (const std::string& noise)) {
  const std::vector<std::string> pieces = {"{",     "}",           "[", "]",    ",",   ":",
                                           "\"a\"", "\"\\u00e9\"", "1", "-0.5", "1e9", "true",
                                           "false", "null",        " ", noise};
  std::string text;
  for (const std::string& piece :
       *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces))) {
    text += piece;
  }
  RC_ASSERT(mistake(text).empty() == core::parse_json(text).has_value());
}

RC_GTEST_PROP(JsonReader, ReadsBackAnyString, (const std::string& bytes)) {
  std::string valid;  // bytes as Latin-1, so that it is UTF-8
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      valid += c;
    } else {
      valid += static_cast<char>(0xC0 | (byte >> 6));
      valid += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  RC_ASSERT(text_of(core::to_text(core::Json(valid))) == valid);
}

}  // namespace
}  // namespace tenure::api
