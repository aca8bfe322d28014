// Bodies larger than memory over HTTP/1.1 (Response::source, Route::open_body).

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/content_coding.h"
#include "net/test_client.h"
#include "net/test_transfers.h"

namespace tenure::net {
namespace {

constexpr std::uint64_t kPiece = 256 * 1024;
constexpr std::uint64_t kSocketPiece = 1024 * 1024;  // of a body taken straight from its socket
constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

std::string get(const std::string& target, std::string_view method = "GET") {
  return std::string(method) + " " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

std::string put_head(const std::string& target, std::uint64_t size, const std::string& more = {}) {
  return "PUT " + target + " HTTP/1.1\r\nHost: x\r\n" + more +
         "Content-Length: " + std::to_string(size) + "\r\n\r\n";
}

std::string chunked(std::string_view body, std::size_t chunk) {
  std::string out;
  while (!body.empty()) {
    const std::string_view part = body.substr(0, chunk);
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    out += size;
    out += part;
    out += "\r\n";
    body.remove_prefix(part.size());
  }
  return out + "0\r\n\r\n";
}

class TransferSize : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(All, TransferSize,
                         testing::Values(0, 1, 1000, kPiece - 1, kPiece, kPiece + 1, 2 * kPiece,
                                         5'000'000));

TEST_P(TransferSize, OfASourceArrivesWhole) {
  TransferServer server;
  TestClient client(server.port());
  const std::string size = std::to_string(GetParam());
  for (const std::string path : {"/source", "/source-on-loop"}) {
    const auto answer = client.ask(get(path + "?size=" + size));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("content-length"), size);
    EXPECT_TRUE(answer.body == transfer_text(GetParam())) << path;
  }
  EXPECT_EQ(client.ask(kPing).body, "pong");
  server.wait_until_all_are_gone();
  EXPECT_LE(server.counts().piece_max, kPiece);
}

TEST_P(TransferSize, OfASinkArrivesWhole) {
  TransferServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send(put_head("/sink", GetParam()) + transfer_text(GetParam())));
  EXPECT_EQ(client.read_answer().body, std::to_string(GetParam()));
  ASSERT_TRUE(client.send("PUT /sink HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
                          chunked(transfer_text(GetParam()), 70'000)));
  EXPECT_EQ(client.read_answer().body, std::to_string(GetParam()));
  EXPECT_EQ(client.ask(kPing).body, "pong");
  EXPECT_TRUE(server.counts().is_right);
  EXPECT_LE(server.counts().piece_max, kSocketPiece);
  server.wait_until_all_are_gone();
}

TEST(HttpTransfer, ASourceStaysWithinMemoryWhateverItsSize) {
  TransferServer server;
  TestClient client(server.port(), 64 * 1024);
  constexpr std::uint64_t kSize = 300'000'000;
  ASSERT_TRUE(client.send(get("/source?size=" + std::to_string(kSize))));
  std::uint64_t got = 0;
  while (client.buffered().find("\r\n\r\n") == std::string::npos)
    ASSERT_GT(client.receive_once(), 0U);
  std::string first = client.take_buffered();
  got = first.size() - first.find("\r\n\r\n") - 4;
  while (got < kSize) {
    const std::size_t n = client.receive_once();
    ASSERT_GT(n, 0U) << got;
    const std::string bytes = client.take_buffered();
    ASSERT_EQ(bytes[0], transfer_byte(got));
    got += n;
    // Two pieces in the server, and what the sockets of both sides hold.
    ASSERT_LT(server.counts().read.load() - got, 16'000'000U);
  }
  EXPECT_EQ(got, kSize);
  EXPECT_EQ(client.ask(kPing).body, "pong");
  server.wait_until_all_are_gone();
}

TEST(HttpTransfer, AClientThatReadsNothingHasLittleReadForIt) {
  TransferServer server;
  TestClient client(server.port(), 4096);
  ASSERT_TRUE(client.send(get("/source?size=1000000000000")));
  while (!client.has_input()) std::this_thread::yield();
  TestClient other(server.port());
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(other.ask(kPing).body, "pong");
  EXPECT_LT(server.counts().read, 16'000'000U);
  client.reset();
  server.wait_until_all_are_gone();
}

TEST(HttpTransfer, ASinkStaysWithinMemoryWhateverTheBodysSize) {
  TransferServer server;
  TestClient client(server.port());
  constexpr std::uint64_t kSize = 300'000'000;
  ASSERT_TRUE(client.send(put_head("/sink", kSize)));
  const std::string text = transfer_text(1 << 25);  // the bytes repeat after that
  for (std::uint64_t sent = 0; sent < kSize;) {
    const std::uint64_t from = sent % text.size();
    const auto n = std::min<std::uint64_t>({1'000'000, kSize - sent, text.size() - from});
    ASSERT_TRUE(client.send(std::string_view(text).substr(from, n)));
    sent += n;
    ASSERT_LT(sent - server.counts().written, 16'000'000U);
  }
  EXPECT_EQ(client.read_answer().body, std::to_string(kSize));
  EXPECT_EQ(server.counts().piece_max, kSocketPiece);
  EXPECT_TRUE(server.counts().is_right);
}

TEST(HttpTransfer, ALargeBodyMayBeFollowedByRequestsAtOnce) {
  TransferServer server;
  TestClient client(server.port());
  constexpr std::uint64_t kSize = 3 * kSocketPiece + 12'345;
  for (int i = 0; i < 3; ++i) {
    std::thread sender([&] {
      client.send(put_head("/sink", kSize) + transfer_text(kSize) + std::string(kPing) +
                  put_head("/sink", kSize) + transfer_text(kSize));
    });
    EXPECT_EQ(client.read_answer().body, std::to_string(kSize));
    EXPECT_EQ(client.read_answer().body, "pong");
    EXPECT_EQ(client.read_answer().body, std::to_string(kSize));
    sender.join();
  }
  EXPECT_TRUE(server.counts().is_right);
}

TEST(HttpTransfer, BeyondTheMemoryForAllOthersWaitForTheirTurn) {
  HttpServerOptions options = TransferServer::quick_options();
  options.transfers_max = 2 * kSocketPiece;
  TransferServer server(options);
  TestClient up(server.port()), down(server.port(), 4096);
  ASSERT_TRUE(up.send(put_head("/sink", 2 * kPiece) + transfer_text(kPiece)));
  ASSERT_TRUE(down.send(get("/source?size=" + std::to_string(100 * kPiece))));
  while (server.counts().written < kPiece || server.counts().read < kPiece)
    std::this_thread::yield();
  // No room for these, whose clients have sent all they have to send.
  TestClient next_up(server.port()), next_down(server.port()), gone(server.port());
  ASSERT_TRUE(gone.send(put_head("/sink", 5) + "abcde"));
  ASSERT_TRUE(next_up.send(put_head("/sink", 5) + transfer_text(5)));
  ASSERT_TRUE(next_down.send(get("/source?size=5")));
  TestClient other(server.port());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(other.ask(kPing).body, "pong");
  EXPECT_EQ(server.counts().sinks, 1);
  EXPECT_FALSE(next_down.has_input());
  gone.reset();
  ASSERT_TRUE(up.send(transfer_text(kPiece, kPiece)));
  EXPECT_EQ(up.read_answer().body, std::to_string(2 * kPiece));
  EXPECT_EQ(next_up.read_answer().body, "5");
  EXPECT_EQ(next_down.read_answer().body, transfer_text(5));
  EXPECT_TRUE(down.read_answer().body == transfer_text(100 * kPiece));
  server.wait_until_all_are_gone();
}

TEST(HttpTransfer, TheClientIsNotReadFromWhileASinkIsSlow) {
  TransferServer server;
  server.hold_writes();
  TestClient client(server.port());
  ASSERT_TRUE(client.send(put_head("/sink", 2 * kPiece) + transfer_text(kPiece)));
  while (server.counts().sinks == 0) std::this_thread::yield();
  TestClient other(server.port());
  EXPECT_EQ(other.ask(kPing).body, "pong");
  server.let_through();
  ASSERT_TRUE(client.send(transfer_text(kPiece, kPiece)));
  EXPECT_EQ(client.read_answer().body, std::to_string(2 * kPiece));
}

TEST(HttpTransfer, ABrokenSourceEndsTheConnectionShort) {
  for (const std::uint64_t at : {std::uint64_t{1}, kPiece + 1, 3 * kPiece}) {
    TransferServer server;
    TestClient client(server.port());
    ASSERT_TRUE(client.send(
        get("/source?size=" + std::to_string(3 * kPiece) + "&fail_at=" + std::to_string(at)) +
        std::string(kPing)));
    const std::string all = client.read_all();
    EXPECT_NE(all.find("Content-Length: 786432\r\n"), std::string::npos);
    EXPECT_LT(all.size(), 3 * kPiece);
    EXPECT_EQ(all.find("pong"), std::string::npos);
    server.wait_until_all_are_gone();
  }
}

TEST(HttpTransfer, ABrokenSinkIsTheAnswerAtOnce) {
  for (const std::uint64_t at : {std::uint64_t{1}, kPiece + 1, 3 * kPiece}) {
    TransferServer server;
    TestClient client(server.port());
    ASSERT_TRUE(
        client.send(put_head("/sink?fail_at=" + std::to_string(at), 3 * kPiece) +
                    transfer_text(at > 2 * kPiece ? 3 * kPiece : (at / kPiece + 1) * kPiece)));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 429);
    EXPECT_NE(answer.body.find("the disk is full"), std::string::npos);
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_TRUE(client.is_closed_by_server());
    server.wait_until_all_are_gone();
    EXPECT_EQ(server.counts().handled, 0);
  }
}

TEST(HttpTransfer, ARefusedSinkReadsNoBody) {
  TransferServer server;
  for (const auto& [field, status] :
       {std::pair{"X-Refuse: y\r\n", 403}, std::pair{"X-Uninvited: y\r\n", 401},
        std::pair{"Content-Encoding: br\r\n", 415}}) {
    TestClient client(server.port());
    const auto answer = client.ask(put_head("/sink", 1 << 30, field));
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.headers.at("connection"), "close");
  }
  EXPECT_EQ(server.counts().sinks, 0);
  EXPECT_EQ(server.counts().handled, 0);
}

TEST(HttpTransfer, SaysContinueOnceTheSinkIsThere) {
  TransferServer server;
  TestClient client(server.port());
  EXPECT_EQ(client.ask(put_head("/sink", 5, "Expect: 100-continue\r\n")).status, 100);
  EXPECT_EQ(server.counts().sinks, 1);
  EXPECT_EQ(client.ask(transfer_text(5)).body, "5");
  TestClient refused(server.port());
  EXPECT_EQ(refused.ask(put_head("/sink", 5, "Expect: 100-continue\r\nX-Refuse: y\r\n")).status,
            403);
}

class TransferCoding : public testing::TestWithParam<std::pair<Coding, std::uint64_t>> {};
INSTANTIATE_TEST_SUITE_P(All, TransferCoding,
                         testing::Values(std::pair{Coding::kGzip, std::uint64_t{100}},
                                         std::pair{Coding::kGzip, 5 * kPiece},
                                         std::pair{Coding::kDeflate, 5 * kPiece}));

TEST_P(TransferCoding, IsTakenAwayOnTheWay) {
  const auto [coding, size] = GetParam();
  std::string coded;
  ASSERT_TRUE(encode(coding, transfer_text(size), coded));
  const std::string field = "Content-Encoding: " + std::string(coding_name(coding)) + "\r\n";
  TransferServer server;
  TestClient client(server.port());
  EXPECT_EQ(client.ask(put_head("/sink", coded.size(), field) + coded).body, std::to_string(size));
  EXPECT_TRUE(server.counts().is_right);
  EXPECT_LE(server.counts().piece_max, kPiece);
  // Cut off, and not of that coding.
  EXPECT_EQ(
      client.ask(put_head("/sink", coded.size() - 1, field) + coded.substr(0, coded.size() - 1))
          .status,
      400);
  TestClient next(server.port());
  EXPECT_EQ(next.ask(put_head("/sink", 9, field) + "123456789").status, 400);
  EXPECT_EQ(server.counts().handled, 1);
}

TEST(HttpTransfer, HeadSaysTheSizeAndReadsNothing) {
  TransferServer server;
  TestClient client(server.port());
  ASSERT_TRUE(client.send(get("/source?size=1000000000000", "HEAD")));
  const auto answer = client.read_answer(false);
  EXPECT_EQ(answer.headers.at("content-length"), "1000000000000");
  EXPECT_EQ(client.ask(kPing).body, "pong");
  server.wait_until_all_are_gone();
  EXPECT_EQ(server.counts().reads, 0U);
}

TEST(HttpTransfer, PipelinedRequestsKeepTheirOrder) {
  TransferServer server;
  TestClient client(server.port());
  std::string all;
  for (const std::uint64_t size : {std::uint64_t{10}, 3 * kPiece + 5, kPiece}) {
    all += get("/source?size=" + std::to_string(size)) + std::string(kPing);
    all += put_head("/sink?x=a", size) + transfer_text(size) + std::string(kPing);
  }
  std::thread sender([&] { EXPECT_TRUE(client.send(all)); });
  for (const std::uint64_t size : {std::uint64_t{10}, 3 * kPiece + 5, kPiece}) {
    EXPECT_TRUE(client.read_answer().body == transfer_text(size));
    EXPECT_EQ(client.read_answer().body, "pong");
    EXPECT_EQ(client.read_answer().body, std::to_string(size) + "a");
    EXPECT_EQ(client.read_answer().body, "pong");
  }
  sender.join();
  EXPECT_TRUE(server.counts().is_right);
}

TEST(HttpTransfer, AClientThatLeavesTakesItsSourceAndSinkAlong) {
  TransferServer server;
  {
    TestClient down(server.port(), 4096), up(server.port()), chunks(server.port());
    ASSERT_TRUE(down.send(get("/source?size=1000000000000")));
    ASSERT_TRUE(up.send(put_head("/sink", 10 * kPiece) + transfer_text(3 * kPiece / 2)));
    ASSERT_TRUE(
        chunks.send("PUT /sink HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "5\r\nab"));
    while (server.counts().sinks < 2 || server.counts().sources < 1) std::this_thread::yield();
    while (!down.has_input()) std::this_thread::yield();
    down.reset();
    up.reset();
  }
  server.wait_until_all_are_gone();
  EXPECT_EQ(server.counts().handled, 0);
  EXPECT_EQ(TestClient(server.port()).ask(kPing).body, "pong");
}

TEST(HttpTransfer, ASilentClientGets408AndItsSinkVanishes) {
  HttpServerOptions options = TransferServer::quick_options();
  options.body_timeout = 1'000'000;
  TransferServer server(options);
  TestClient client(server.port());
  // So much that its speed alone would allow it minutes.
  ASSERT_TRUE(client.send(put_head("/sink", 1 << 30) + transfer_text(8 * kPiece)));
  while (server.counts().written < 8 * kPiece) std::this_thread::yield();
  // The last piece is stored, and the connection waits for more.
  while (!client.has_input()) {
    server.clock().advance(100'000);
    std::this_thread::yield();
  }
  EXPECT_EQ(client.read_answer().status, 408);
  server.wait_until_all_are_gone();
  EXPECT_EQ(server.counts().handled, 0);
}

TEST(HttpTransfer, MoreTransfersThanThreadsGoOnTogether) {
  TransferServer server;
  std::vector<std::unique_ptr<TestClient>> up, down;
  for (int i = 0; i < 40; ++i) {
    up.push_back(std::make_unique<TestClient>(server.port()));
    down.push_back(std::make_unique<TestClient>(server.port()));
    ASSERT_TRUE(up.back()->send(put_head("/sink", 2 * kPiece) + transfer_text(kPiece + 1)));
    ASSERT_TRUE(down.back()->send(get("/source?size=" + std::to_string(20 * kPiece))));
  }
  while (server.counts().written < 40 * kPiece) std::this_thread::yield();
  // All of them wait for their clients, and none for a thread.
  TestClient other(server.port());
  EXPECT_EQ(other.ask(get("/source?size=3")).body, transfer_text(3));
  for (const auto& client : up) ASSERT_TRUE(client->send(transfer_text(kPiece - 1, kPiece + 1)));
  for (const auto& client : up) EXPECT_EQ(client->read_answer().body, std::to_string(2 * kPiece));
  const std::string expected = transfer_text(20 * kPiece);
  for (const auto& client : down) EXPECT_TRUE(client->read_answer().body == expected);
}

TEST(HttpTransfer, AreWaitedForWhenTheServerDrains) {
  TransferServer server;
  TestClient up(server.port()), down(server.port(), 4096);
  ASSERT_TRUE(up.send(put_head("/sink", 2 * kPiece) + transfer_text(kPiece)));
  ASSERT_TRUE(down.send(get("/source?size=" + std::to_string(50 * kPiece))));
  while (server.counts().written < kPiece || server.counts().read < kPiece)
    std::this_thread::yield();
  std::thread drainer([&] { server.server().drain(); });
  while (TestClient(server.port()).is_connected()) std::this_thread::yield();
  ASSERT_TRUE(up.send(transfer_text(kPiece, kPiece)));
  EXPECT_EQ(up.read_answer().body, std::to_string(2 * kPiece));
  EXPECT_TRUE(down.read_answer().body == transfer_text(50 * kPiece));
  up.close();
  down.close();
  drainer.join();
}

}  // namespace
}  // namespace tenure::net
