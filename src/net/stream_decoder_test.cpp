#include "net/stream_decoder.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::net {
namespace {

/// "" when the bytes are refused.
std::string decode_in_steps(Coding coding, std::string_view bytes, std::size_t step) {
  StreamDecoder decoder(coding);
  std::string out;
  const auto take = [&](std::string_view piece) -> core::Result<> {
    out += piece;
    return {};
  };
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    if (!decoder.write(part, take)) return "";
  }
  return decoder.finish() ? out : "";
}

std::string encoded(Coding coding, std::string_view text) {
  std::string out;
  EXPECT_TRUE(encode(coding, text, out));
  return out;
}

TEST(StreamDecoder, DecodesWhateverThePiecesAre) {
  const std::string text(1'000'000, 'x');
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
    const std::string bytes = encoded(coding, text);
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, bytes.size()})
      EXPECT_TRUE(decode_in_steps(coding, bytes, step) == text) << step;
  }
}

TEST(StreamDecoder, DecodesBareDeflateAndSeveralMembersOfGzip) {
  const std::string text(10'000, 'x');
  const std::string zlib = encoded(Coding::kDeflate, text);
  EXPECT_EQ(decode_in_steps(Coding::kDeflate, zlib.substr(2, zlib.size() - 6), 1), text);
  const std::string gzip = encoded(Coding::kGzip, text);
  EXPECT_EQ(decode_in_steps(Coding::kGzip, gzip + gzip, 1), text + text);
  EXPECT_EQ(decode_in_steps(Coding::kGzip, gzip + gzip, 1 << 20), text + text);
}

TEST(StreamDecoder, RefusesWhatIsCutOffFollowedByMoreOrOfNoSuchCoding) {
  const std::string zlib = encoded(Coding::kDeflate, std::string(10'000, 'x'));
  for (std::size_t n = 1; n < zlib.size(); ++n)
    EXPECT_EQ(decode_in_steps(Coding::kDeflate, zlib.substr(0, n), 1), "") << n;
  EXPECT_EQ(decode_in_steps(Coding::kDeflate, zlib + "x", 1), "");
  EXPECT_EQ(decode_in_steps(Coding::kDeflate, zlib + "x", 1 << 20), "");
  EXPECT_EQ(decode_in_steps(Coding::kGzip, "neither gzip nor anything else", 1 << 20), "");
}

TEST(StreamDecoder, AnEmptyBodyIsEmpty) {
  StreamDecoder decoder(Coding::kGzip);
  EXPECT_TRUE(decoder.finish().has_value());
}

TEST(StreamDecoder, EndsWithTheErrorOfItsTaker) {
  StreamDecoder decoder(Coding::kGzip);
  const std::string bytes = encoded(Coding::kGzip, std::string(10'000, 'x'));
  const auto full = [](std::string_view) -> core::Result<> {
    return core::Error{core::ErrorCode::kResourceExhausted, "full"};
  };
  EXPECT_EQ(decoder.write(bytes, full).error().code, core::ErrorCode::kResourceExhausted);
}

RC_GTEST_PROP(StreamDecoder, NeverCrashesOnAnyBytes, (const std::string& bytes, bool is_gzip)) {
  decode_in_steps(is_gzip ? Coding::kGzip : Coding::kDeflate, bytes, 3);
}

}  // namespace
}  // namespace tenure::net
