// Files that the kernel sends (BodySource::file_part), over HTTP/1.1 without TLS.

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "core/id.h"
#include "net/file_source.h"
#include "net/test_client.h"
#include "net/test_transfers.h"

namespace tenure::net {
namespace {

constexpr std::uint64_t kSize = 40'000'000;
constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kGet = "GET /file HTTP/1.1\r\nHost: x\r\n\r\n";

/// Fails when it is read: the kernel is to do that.
class KernelSource final : public BodySource {
 public:
  KernelSource(std::unique_ptr<FileSource> file, std::atomic<int>& alive)
      : file_(std::move(file)), alive_(alive) {
    ++alive_;
  }
  ~KernelSource() override {
    --alive_;
    alive_.notify_all();
  }
  std::uint64_t size() const override { return file_->size(); }
  core::Result<std::size_t> read(std::span<char>) override {
    return core::Error{core::ErrorCode::kInternal, "it was read"};
  }
  std::optional<FilePart> file_part() const override { return file_->file_part(); }

 private:
  std::unique_ptr<FileSource> file_;
  std::atomic<int>& alive_;
};

class HttpFile : public testing::Test {
 protected:
  HttpFile() : router_(routes()) {
    std::filesystem::create_directory(folder_);
    std::ofstream(path_, std::ios::binary) << transfer_text(kSize);
    auto server = HttpServer::listen({.port = 0, .threads = 1, .worker_threads = 2}, router_,
                                     metrics_, clock_);
    EXPECT_TRUE(server);
    server_ = *std::move(server);
    server_->start();
  }
  ~HttpFile() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::vector<Route> routes() {
    return {{.method = Method::kGet,
             .path = "/file",
             .handler =
                 [this](const Request&, Response& response) {
                   auto file = FileSource::open(path_);
                   ASSERT_TRUE(file);
                   response.source = std::make_unique<KernelSource>(*std::move(file), alive_);
                 },
             .is_blocking = true},
            {.method = Method::kGet, .path = "/ping", .handler = [](const Request&, Response& out) {
               out.text(200, "pong");
             }}};
  }
  void wait_until_closed() {
    for (int n = alive_.load(); n != 0; n = alive_.load()) alive_.wait(n);
  }
  std::string counted() const {
    const std::string text = metrics_.prometheus_text();
    const std::string row =
        "tenure_http_requests_total{method=\"GET\",route=\"/file\",status=\"2xx\"} ";
    return text.substr(text.find(row) + row.size(), 1);
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("tenure-" + core::random_hex_id());
  std::filesystem::path path_ = folder_ / "file";
  std::atomic<int> alive_{0};
  core::ManualClock clock_{784'111'777'000'000};
  core::MetricRegistry metrics_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpFile, ArrivesWholeWithoutBeingRead) {
  TestClient client(server_->port());
  ASSERT_TRUE(client.send(std::string(kGet) + std::string(kPing) + std::string(kGet)));
  const auto first = client.read_answer();
  EXPECT_EQ(first.headers.at("content-length"), std::to_string(kSize));
  EXPECT_TRUE(first.body == transfer_text(kSize));
  EXPECT_EQ(client.read_answer().body, "pong");
  EXPECT_TRUE(client.read_answer().body == transfer_text(kSize));
  wait_until_closed();
}

TEST_F(HttpFile, IsCountedWithItsLastByte) {
  TestClient slow(server_->port(), 4096);
  ASSERT_TRUE(slow.send(kGet));
  ASSERT_GT(slow.receive_once(), 0U);
  EXPECT_EQ(counted(), "0");
  EXPECT_TRUE(slow.read_answer().body == transfer_text(kSize));
  EXPECT_EQ(slow.ask(kPing).body, "pong");
  EXPECT_EQ(counted(), "1");
}

TEST_F(HttpFile, EndsTheConnectionWhenItHasBecomeShorter) {
  TestClient slow(server_->port(), 4096);
  ASSERT_TRUE(slow.send(std::string(kGet) + std::string(kPing)));
  ASSERT_GT(slow.receive_once(), 0U);
  std::filesystem::resize_file(path_, 1000);
  const std::string all = slow.read_all();
  EXPECT_LT(all.size(), kSize);
  EXPECT_EQ(all.find("pong"), std::string::npos);
  wait_until_closed();
  EXPECT_EQ(TestClient(server_->port()).ask(kPing).body, "pong");
}

TEST_F(HttpFile, IsClosedWhenItsClientLeavesOrIsTooSlow) {
  {
    TestClient leaves(server_->port(), 4096);
    ASSERT_TRUE(leaves.send(kGet));
    ASSERT_GT(leaves.receive_once(), 0U);
    leaves.reset();
    wait_until_closed();
  }
  TestClient slow(server_->port(), 4096);
  ASSERT_TRUE(slow.send(kGet));
  ASSERT_GT(slow.receive_once(), 0U);
  while (alive_ != 0) {
    clock_.advance(1'000'000);
    std::this_thread::yield();
  }
  EXPECT_EQ(TestClient(server_->port()).ask(kPing).body, "pong");
}

TEST_F(HttpFile, MayBeUnderWayWhenTheServerEnds) {
  TestClient slow(server_->port(), 4096);
  ASSERT_TRUE(slow.send(kGet));
  ASSERT_GT(slow.receive_once(), 0U);
  server_.reset();
  EXPECT_EQ(alive_, 0);
}

}  // namespace
}  // namespace tenure::net
