// Bodies larger than memory over HTTP/2 (Response::source, Route::open_body).

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_http2_client.h"
#include "net/test_transfers.h"

namespace tenure::net {
namespace {

constexpr std::uint64_t kPiece = 256 * 1024;

std::string source(std::uint64_t size, std::uint64_t fail_at = 0) {
  return "/source?size=" + std::to_string(size) + "&fail_at=" + std::to_string(fail_at);
}

class Http2TransferSize : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(All, Http2TransferSize,
                         testing::Values(0, 1, 1000, kPiece - 1, kPiece, kPiece + 1, 9 * kPiece));

TEST_P(Http2TransferSize, OfASourceArrivesWhole) {
  TransferServer server;
  TestHttp2Client client(server.port());
  const std::string size = std::to_string(GetParam());
  for (const std::string path : {"/source", "/source-on-loop"}) {
    const auto answer = client.ask("GET", path + "?size=" + size);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("content-length"), size);
    EXPECT_TRUE(answer.body == transfer_text(GetParam())) << path;
  }
  server.wait_until_all_are_gone();
  EXPECT_LE(server.counts().piece_max, kPiece);
}

TEST_P(Http2TransferSize, OfASinkArrivesWhole) {
  TransferServer server;
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("PUT", "/sink", transfer_text(GetParam())).body, std::to_string(GetParam()));
  EXPECT_TRUE(server.counts().is_right);
  EXPECT_LE(server.counts().piece_max, kPiece);
  EXPECT_EQ(client.ask("GET", "/ping").body, "pong");
  server.wait_until_all_are_gone();
}

TEST(Http2Transfer, ManyMegabytesGoBothWays) {
  TransferServer server;
  TestHttp2Client client(server.port());
  constexpr std::uint64_t kSize = 40'000'000;
  const auto down = client.request("GET", source(kSize));
  const auto up = client.request("PUT", "/sink", transfer_text(kSize));
  EXPECT_EQ(client.wait_for(up).body, std::to_string(kSize));
  EXPECT_TRUE(client.wait_for(down).body == transfer_text(kSize));
  EXPECT_TRUE(server.counts().is_right);
}

TEST(Http2Transfer, ASlowSinkHoldsItsClientBackAndNobodyElse) {
  TransferServer server;
  server.hold_writes();
  TestHttp2Client client(server.port());
  const auto up = client.request("PUT", "/sink", transfer_text(20 * kPiece));
  // The windows of all streams together are smaller than what these would send.
  std::vector<std::int32_t> more;
  for (int i = 0; i < 6; ++i)
    more.push_back(client.request("PUT", "/sink", transfer_text(1 << 21)));
  EXPECT_EQ(client.ask("GET", "/ping").body, "pong");
  EXPECT_EQ(server.counts().written, 0U);
  server.let_through();
  EXPECT_EQ(client.wait_for(up).body, std::to_string(20 * kPiece));
  for (const auto id : more) EXPECT_EQ(client.wait_for(id).body, std::to_string(1 << 21));
  EXPECT_TRUE(server.counts().is_right);
}

TEST(Http2Transfer, AClientWithoutAWindowHasLittleReadForIt) {
  TransferServer server;
  TestHttp2Client client(server.port());
  client.request("GET", source(1'000'000'000'000));
  while (server.counts().reads < 2) ASSERT_TRUE(client.step());
  EXPECT_EQ(client.ask("GET", "/ping").body, "pong");
  // What the client does not read is not read for it.
  TestHttp2Client other(server.port());
  for (int i = 0; i < 500; ++i) ASSERT_EQ(other.ask("GET", "/ping").body, "pong");
  EXPECT_LT(server.counts().read, 64'000'000U);
}

TEST(Http2Transfer, ABrokenSourceResetsTheStreamAlone) {
  TransferServer server;
  TestHttp2Client client(server.port());
  for (const std::uint64_t at : {std::uint64_t{1}, kPiece + 1, 3 * kPiece}) {
    const auto answer = client.ask("GET", source(3 * kPiece, at));
    EXPECT_TRUE(answer.is_closed);
    EXPECT_EQ(answer.error, static_cast<std::uint32_t>(NGHTTP2_INTERNAL_ERROR));
    EXPECT_LT(answer.body.size(), 3 * kPiece);
  }
  EXPECT_EQ(client.ask("GET", "/ping").body, "pong");
  server.wait_until_all_are_gone();
}

TEST(Http2Transfer, ABrokenSinkIsTheAnswerAtOnce) {
  TransferServer server;
  TestHttp2Client client(server.port());
  for (const std::uint64_t at : {std::uint64_t{1}, kPiece + 1, 3 * kPiece}) {
    const auto answer =
        client.ask("PUT", "/sink?fail_at=" + std::to_string(at), transfer_text(20 * kPiece));
    EXPECT_EQ(answer.status, 429);
    EXPECT_NE(answer.body.find("the disk is full"), std::string::npos);
  }
  EXPECT_EQ(client.ask("GET", "/ping").body, "pong");
  server.wait_until_all_are_gone();
  EXPECT_EQ(server.counts().handled, 0);
}

TEST(Http2Transfer, ARefusedSinkReadsNoBody) {
  TransferServer server;
  TestHttp2Client client(server.port());
  EXPECT_EQ(client.ask("PUT", "/sink", transfer_text(kPiece), {{"x-refuse", "y"}}).status, 403);
  EXPECT_EQ(client.ask("PUT", "/sink", transfer_text(kPiece), {{"x-uninvited", "y"}}).status, 401);
  EXPECT_EQ(client.ask("PUT", "/sink", transfer_text(9), {{"content-encoding", "br"}}).status, 415);
  EXPECT_EQ(server.counts().handled, 0);
  server.wait_until_all_are_gone();
}

TEST(Http2Transfer, SaysContinueOnceTheSinkIsThere) {
  TransferServer server;
  TestHttp2Client client(server.port());
  const auto id = client.request("PUT", "/sink", {}, {{"expect", "100-continue"}}, false);
  while (client.continues() == 0) ASSERT_TRUE(client.step());
  EXPECT_EQ(server.counts().sinks, 1);
  client.reset(id);
  server.wait_until_all_are_gone();
  EXPECT_EQ(server.counts().handled, 0);
}

TEST(Http2Transfer, HeadSaysTheSizeAndReadsNothing) {
  TransferServer server;
  TestHttp2Client client(server.port());
  const auto answer = client.ask("HEAD", source(1'000'000'000'000));
  EXPECT_EQ(answer.headers.at("content-length"), "1000000000000");
  EXPECT_EQ(server.counts().reads, 0U);
  server.wait_until_all_are_gone();
}

TEST(Http2Transfer, AResetStreamTakesItsSourceAndSinkAlong) {
  TransferServer server;
  TestHttp2Client client(server.port());
  const auto up = client.request("PUT", "/sink", transfer_text(3 * kPiece / 2), {}, false);
  const auto down = client.request("GET", source(1'000'000'000'000));
  while (server.counts().written < kPiece || server.counts().reads < 2) ASSERT_TRUE(client.step());
  client.reset(up);
  client.reset(down);
  server.wait_until_all_are_gone();
  EXPECT_EQ(server.counts().handled, 0);
}

TEST(Http2Transfer, AClientThatLeavesTakesItsSourceAndSinkAlong) {
  TransferServer server;
  {
    TestHttp2Client client(server.port());
    client.request("PUT", "/sink", transfer_text(3 * kPiece / 2), {}, false);
    client.request("GET", source(1'000'000'000'000));
    while (server.counts().written < kPiece || server.counts().reads < 2)
      ASSERT_TRUE(client.step());
  }
  server.wait_until_all_are_gone();
  EXPECT_EQ(server.counts().handled, 0);
}

}  // namespace
}  // namespace tenure::net
