#include "net/content_coding.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "net/test_client.h"
#include "net/test_server.h"

namespace tenure::net {
namespace {

constexpr std::uint64_t kMega = 1024 * 1024;

bool always(std::uint64_t) {
  return true;
}

std::string encoded(Coding coding, const std::string& text) {
  std::string out;
  EXPECT_TRUE(encode(coding, text, out));
  return out;
}

TEST(ContentCoding, ChoosesByTheClientsQualities) {
  EXPECT_EQ(choose_coding(""), Coding::kIdentity);
  EXPECT_EQ(choose_coding("gzip"), Coding::kGzip);
  EXPECT_EQ(choose_coding("GZIP, deflate, br"), Coding::kGzip);
  EXPECT_EQ(choose_coding("deflate"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("gzip;q=0.5, deflate;q=0.9"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("gzip;q=0"), Coding::kIdentity);
  EXPECT_EQ(choose_coding("gzip ; Q=0.001"), Coding::kGzip);
  EXPECT_EQ(choose_coding("*"), Coding::kGzip);
  EXPECT_EQ(choose_coding("*;q=0"), Coding::kIdentity);
  EXPECT_EQ(choose_coding("gzip;q=0, *"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("identity, gzip;q=0.5"), Coding::kIdentity);
  EXPECT_EQ(choose_coding("br, zstd"), Coding::kIdentity);
  EXPECT_EQ(choose_coding("gzip;q=nonsense"), Coding::kIdentity);
}

TEST(ContentCoding, KnowsWhatItDecodes) {
  EXPECT_EQ(coding_of("gzip").coding, Coding::kGzip);
  EXPECT_EQ(coding_of("X-Gzip").coding, Coding::kGzip);
  EXPECT_EQ(coding_of(" deflate ").coding, Coding::kDeflate);
  EXPECT_TRUE(coding_of("identity").is_known);
  EXPECT_FALSE(coding_of("br").is_known);
  EXPECT_FALSE(coding_of("gzip, gzip").is_known);
}

RC_GTEST_PROP(ContentCoding, DecodesWhatItEncoded, (const std::string& part)) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += part + "0123456789";
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
    std::string out, back;
    RC_ASSERT(encode(coding, text, out));
    RC_ASSERT(decode(coding, out, kMega, always, back) == DecodeOutcome::kDone);
    RC_ASSERT(back == text);
  }
}

TEST(ContentCoding, DecodesSeveralMembersAndBareDeflate) {
  const std::string text(1000, 'x');
  std::string back;
  const std::string one = encoded(Coding::kGzip, text);
  EXPECT_EQ(decode(Coding::kGzip, one + one, kMega, always, back), DecodeOutcome::kDone);
  EXPECT_EQ(back, text + text);
  const std::string zlib = encoded(Coding::kDeflate, text);
  const std::string bare = zlib.substr(2, zlib.size() - 6);
  EXPECT_EQ(decode(Coding::kDeflate, bare, kMega, always, back), DecodeOutcome::kDone);
  EXPECT_EQ(back, text);
}

TEST(ContentCoding, RefusesWhatIsNotWhole) {
  std::string back;
  const std::string one = encoded(Coding::kGzip, std::string(1000, 'x'));
  for (std::size_t n = 0; n < one.size(); ++n)
    EXPECT_EQ(decode(Coding::kGzip, one.substr(0, n), kMega, always, back),
              DecodeOutcome::kMalformed)
        << n;
  EXPECT_EQ(decode(Coding::kGzip, one + "x", kMega, always, back), DecodeOutcome::kMalformed);
  EXPECT_EQ(decode(Coding::kGzip, "no gzip", kMega, always, back), DecodeOutcome::kMalformed);
}

TEST(ContentCoding, StopsAtTheLimitAndAtBombs) {
  std::string back;
  const std::string small = encoded(Coding::kGzip, std::string(1000, 'x'));
  EXPECT_EQ(decode(Coding::kGzip, small, 1000, always, back), DecodeOutcome::kDone);
  EXPECT_EQ(decode(Coding::kGzip, small, 999, always, back), DecodeOutcome::kTooLarge);
  const std::string bomb = encoded(Coding::kGzip, std::string(64 * kMega, '\0'));
  EXPECT_EQ(decode(Coding::kGzip, bomb, 1024 * kMega, always, back), DecodeOutcome::kTooLarge);
  EXPECT_LT(back.size(), bomb.size() * 201 + kMega) << "and does not decode it all first";
  const auto little = [](std::uint64_t n) { return n < 100'000; };
  EXPECT_EQ(decode(Coding::kGzip, bomb, 1024 * kMega, little, back), DecodeOutcome::kNoRoom);
}

TestClient::Answer post(TestClient& client, const std::string& path, const std::string& body,
                        const std::string& headers) {
  return client.ask("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

TEST(HttpCoding, DecodesRequestBodies) {
  TestServer server;
  TestClient client(server.port());
  const std::string text(100'000, 'x');
  for (const char* path : {"/length", "/blocking"}) {
    const std::string expected = path == std::string("/length") ? "100000" : text;
    EXPECT_EQ(post(client, path, encoded(Coding::kGzip, text), "Content-Encoding: gzip\r\n").body,
              expected);
    EXPECT_EQ(
        post(client, path, encoded(Coding::kDeflate, text), "Content-Encoding: deflate\r\n").body,
        expected);
    EXPECT_EQ(post(client, path, text, "Content-Encoding: identity\r\n").body, expected);
  }
}

TEST(HttpCoding, RefusesUnknownCodingsBrokenBodiesAndBombs) {
  TestServer server;
  TestClient client(server.port());
  const auto unknown = post(client, "/echo", "body", "Content-Encoding: br\r\n");
  EXPECT_EQ(unknown.status, 415);
  EXPECT_EQ(unknown.headers.at("accept-encoding"), "gzip, deflate");
  EXPECT_EQ(post(client, "/echo", "body", "Content-Encoding: gzip\r\n").status, 400);
  const std::string bomb = encoded(Coding::kGzip, std::string(8'000'000, '\0'));
  EXPECT_EQ(post(client, "/length", bomb, "Content-Encoding: gzip\r\n").status, 413);
  EXPECT_EQ(post(client, "/blocking", bomb, "Content-Encoding: gzip\r\n").status, 413);
  EXPECT_EQ(post(client, "/small", "", "").status, 200) << "the connection goes on";
  EXPECT_EQ(TestClient(server.port()).ask("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(HttpCoding, AsksWhetherABodyIsAdmittedBeforeItIsDecoded) {
  TestServer server;
  TestClient client(server.port());
  const std::string_view broken = "no gzip";
  EXPECT_EQ(post(client, "/invited", std::string(broken), "Content-Encoding: gzip\r\n").status,
            401);
  EXPECT_EQ(
      post(client, "/invited", std::string(broken), "X-Invited: yes\r\nContent-Encoding: gzip\r\n")
          .status,
      400);
  const std::string text(1000, 'x');
  EXPECT_EQ(post(client, "/invited", encoded(Coding::kGzip, text),
                 "X-Invited: yes\r\nContent-Encoding: gzip\r\n")
                .body,
            text);
}

TEST(HttpCoding, EncodesLargeAnswersForWhoAccepts) {
  TestServer server;
  TestClient client(server.port());
  const std::string text(100'000, 'x');
  const auto encoded_answer = post(client, "/blocking", text, "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(encoded_answer.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(encoded_answer.headers.at("vary"), "Accept-Encoding");
  EXPECT_LT(encoded_answer.body.size(), 2'000U);
  std::string back;
  EXPECT_EQ(decode(Coding::kGzip, encoded_answer.body, kMega, always, back), DecodeOutcome::kDone);
  EXPECT_EQ(back, text);

  const auto plain = post(client, "/blocking", text, "Accept-Encoding: gzip;q=0\r\n");
  EXPECT_FALSE(plain.headers.contains("content-encoding"));
  EXPECT_EQ(plain.headers.at("vary"), "Accept-Encoding");
  EXPECT_EQ(plain.body, text);
  const auto small = post(client, "/blocking", "small", "Accept-Encoding: gzip\r\n");
  EXPECT_FALSE(small.headers.contains("content-encoding"));
  EXPECT_FALSE(small.headers.contains("vary"));
  EXPECT_EQ(small.body, "small");
}

TEST(HttpCoding, LeavesAnswersOfTheEventLoopAloneUnlessTheyAreLarge) {
  TestServer server;
  TestClient client(server.port());
  const auto medium = post(client, "/echo", std::string(4'000, 'x'), "Accept-Encoding: gzip\r\n");
  EXPECT_FALSE(medium.headers.contains("content-encoding"));
  const auto large = post(client, "/echo", std::string(40'000, 'x'), "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(large.headers.at("content-encoding"), "gzip");
}

}  // namespace
}  // namespace tenure::net
