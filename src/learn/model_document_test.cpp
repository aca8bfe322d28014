#include "learn/model_document.h"

#include <bit>
#include <cmath>
#include <limits>
#include <rapidcheck.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "learn/tree_model_test_data.h"
#include "learn/ubjson_reader.h"

namespace tenure::learn {
namespace {

using testing::to_ubjson;

float read_float(std::string_view text) {
  const auto document = read_json_document(text);
  if (!document) {
    ADD_FAILURE() << text << ": " << document.error().message;
    return 0;
  }
  if (const auto* number = std::get_if<float>(&document->value)) return *number;
  return static_cast<float>(std::get<std::int64_t>(document->value));
}

TEST(JsonDocument, RoundsDecimalNumbersOnceToFloat32) {
  EXPECT_EQ(read_float("1.05E1"), 10.5F);
  EXPECT_EQ(read_float("-3.4028235E38"), -std::numeric_limits<float>::max());
  EXPECT_EQ(read_float("1e-45"), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(read_float("1e-60"), 0.0F);
  EXPECT_EQ(read_float("1e60"), std::numeric_limits<float>::infinity());
  // Through double this decimal would be rounded twice, to 1.0000001.
  EXPECT_EQ(read_float("1.00000005960464477539062500000001"), 1.00000012F);
  EXPECT_EQ(read_float("1.000000059604644775390625"), 1.0F);
}

TEST(JsonDocument, ReadsTheTokensOfMissingAndInfinite) {
  EXPECT_TRUE(std::isnan(read_float("NaN")));
  EXPECT_EQ(read_float("Infinity"), std::numeric_limits<float>::infinity());
  EXPECT_EQ(read_float("-Infinity"), -std::numeric_limits<float>::infinity());
}

TEST(JsonDocument, PacksListsOfNumbers) {
  const auto document = read_json_document("[1, 2.5, -3]");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(std::get<DocumentValue::Numbers>(document->value),
            (DocumentValue::Numbers{1, 2.5F, -3}));
  const auto flags = read_json_document("[true,false,1]");
  ASSERT_TRUE(flags.has_value());
  EXPECT_EQ(std::get<DocumentValue::Integers>(flags->value), (DocumentValue::Integers{1, 0, 1}));
  const auto mixed = read_json_document(R"([1, 0.5, "a", null])");
  ASSERT_TRUE(mixed.has_value());
  ASSERT_EQ(std::get<DocumentValue::Array>(mixed->value).size(), 4U);
}

TEST(JsonDocument, UnderstandsEscapes) {
  const auto document = read_json_document(R"("a\"\\\/\n\u00e9\ud83d\ude00")");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(*document->text(), "a\"\\/\n\xc3\xa9\xf0\x9f\x98\x80");
}

TEST(JsonDocument, RefusesMalformedTextWithTheByte) {
  for (const char* text :
       {"",      "{",       "[1,]",    "[1 2]",       R"({"a" 1})",  R"({"a":1,})",
        "{1:2}", "tru",     "nul",     "+1",          "1.2.3",       "--1",
        "1e",    R"("abc)", R"("\x")", R"("\ud800")", R"("\udc00")", R"("\u12g4")",
        "[1]]",  "-",       "Nan",     "{\"a\":1}x"}) {
    const auto document = read_json_document(text);
    ASSERT_FALSE(document.has_value()) << text;
    EXPECT_EQ(document.error().code, core::ErrorCode::kCorruption);
    EXPECT_NE(document.error().message.find("byte"), std::string::npos);
  }
}

TEST(JsonDocument, RefusesDeepNesting) {
  EXPECT_FALSE(read_json_document(std::string(100'000, '[')).has_value());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(read_json_document(objects).has_value());
}

TEST(UbjsonDocument, ReadsEveryTypeOfNumber) {
  using std::string_literals::operator""s;
  const auto document = read_ubjson_document(
      "[i\xff"
      "U\xffI\xff\xfel\x00\x00\x01\x00L\x00\x00\x00\x00\x00\x00\x00\x07]"s);
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(std::get<DocumentValue::Integers>(document->value),
            (DocumentValue::Integers{-1, 255, -2, 256, 7}));
  const auto doubles = read_ubjson_document("[$D#i\x01\x3f\xf8\x00\x00\x00\x00\x00\x00"s);
  ASSERT_TRUE(doubles.has_value());
  EXPECT_EQ(std::get<DocumentValue::Numbers>(doubles->value), (DocumentValue::Numbers{1.5F}));
}

TEST(UbjsonDocument, RefusesCountsThatTheBytesCannotHold) {
  using std::string_literals::operator""s;
  const auto refused = [](const std::string& bytes) {
    const auto document = read_ubjson_document(bytes);
    return !document.has_value() && document.error().code == core::ErrorCode::kCorruption;
  };
  EXPECT_TRUE(refused("[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff"s));
  EXPECT_TRUE(refused("[$d#L\xff\xff\xff\xff\xff\xff\xff\xff"s));
  EXPECT_TRUE(refused("[#L\x00\x00\x00\xff\xff\xff\xff\xff"s));
  EXPECT_TRUE(refused("SL\x00\x00\x00\xff\xff\xff\xff\xff"s));
  EXPECT_TRUE(refused("[$S#i\x01"s));
  EXPECT_TRUE(refused("[$d"s));
  EXPECT_TRUE(refused("X"s));
  EXPECT_TRUE(refused("TT"s));
  EXPECT_TRUE(refused(std::string(100'000, '[')));
}

bool are_equal(const DocumentValue& a, const DocumentValue& b) {
  return to_ubjson(a) == to_ubjson(b);
}

rc::Gen<DocumentValue> any_scalar() {
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](auto v) { return DocumentValue{v}; }),
      rc::gen::map(rc::gen::arbitrary<std::uint32_t>(),
                   [](auto v) { return DocumentValue{std::bit_cast<float>(v)}; }),
      rc::gen::map(rc::gen::arbitrary<std::string>(), [](auto v) { return DocumentValue{v}; }),
      rc::gen::just(DocumentValue{}));
}

RC_GTEST_PROP(UbjsonDocument, ReadsBackWhatWasWritten, ()) {
  DocumentValue::Object object;
  for (auto& value : *rc::gen::container<std::vector<DocumentValue>>(any_scalar())) {
    object.names.push_back(*rc::gen::arbitrary<std::string>());
    object.values.push_back(std::move(value));
  }
  object.names.emplace_back("integers");
  object.values.push_back(DocumentValue{*rc::gen::arbitrary<std::vector<std::int64_t>>()});
  object.names.emplace_back("numbers");
  object.values.push_back(DocumentValue{*rc::gen::arbitrary<std::vector<float>>()});
  const DocumentValue document{std::move(object)};
  const auto read = read_ubjson_document(to_ubjson(document));
  RC_ASSERT(read.has_value());
  RC_ASSERT(are_equal(*read, document));
}

}  // namespace
}  // namespace tenure::learn
