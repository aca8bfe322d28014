#include "net/tls.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "net/test_certificate.h"
#include "net/test_client.h"
#include "net/test_server.h"
#include "net/test_transfers.h"

namespace tenure::net {
namespace {

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

/// A TLS client over a TestClient's socket.
class TestTlsClient {
 public:
  explicit TestTlsClient(std::uint16_t port, std::string_view alpn = {}, int version = 0)
      : socket_(port), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    if (version != 0) SSL_CTX_set_max_proto_version(context_.get(), version);
    if (!alpn.empty()) {
      SSL_CTX_set_alpn_protos(context_.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                              static_cast<unsigned>(alpn.size()));
    }
    ssl_ = SSL_new(context_.get());
    SSL_set_fd(ssl_, socket_.handle());
    is_connected_ = SSL_connect(ssl_) == 1;
  }
  ~TestTlsClient() { SSL_free(ssl_); }
  TestTlsClient(const TestTlsClient&) = delete;
  TestTlsClient& operator=(const TestTlsClient&) = delete;

  bool is_connected() const { return is_connected_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string certificate_name() const {
    const std::unique_ptr<X509, void (*)(X509*)> peer(SSL_get1_peer_certificate(ssl_), X509_free);
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name, sizeof name);
    return name;
  }
  bool send(std::string_view bytes) {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }
  /// Reads until `size` bytes have come or the server has closed.
  std::string read(std::size_t size) {
    std::string all;
    char bytes[16384];
    while (all.size() < size) {
      const int n =
          SSL_read(ssl_, bytes, static_cast<int>(std::min(sizeof bytes, size - all.size())));
      if (n <= 0) break;
      all.append(bytes, static_cast<std::size_t>(n));
    }
    return all;
  }
  std::string ask(std::string_view request) {
    if (!send(request)) return {};
    std::string all;
    while (all.find("\r\n\r\n") == std::string::npos) {
      const std::string one = read(1);
      if (one.empty()) return all;
      all += one;
    }
    const auto at = all.find("Content-Length: ");
    return all + read(std::stoul("0" + all.substr(at + 16, all.find("\r\n", at) - at - 16)));
  }
  bool has_goodbye() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  TestClient socket_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  SSL* ssl_ = nullptr;
  bool is_connected_ = false;
};

HttpServerOptions with_tls(const TestCertificate& certificate) {
  HttpServerOptions options = TestServer::quick_options();
  options.tls = certificate.files();
  return options;
}

TEST(Tls, CarriesLargeBodiesBothWays) {
  const TestCertificate certificate;
  HttpServerOptions options = TransferServer::quick_options();
  options.tls = certificate.files();
  TransferServer server(options);
  TestTlsClient client(server.port());
  const std::string body = transfer_text(3'000'000);
  for (int i = 0; i < 2; ++i) {
    const std::string down = client.ask("GET /source?size=3000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(down.ends_with(body)) << down.size();
    const std::string up =
        client.ask("PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + body);
    EXPECT_TRUE(up.ends_with("\r\n\r\n3000000")) << up;
  }
  EXPECT_TRUE(server.counts().is_right);
}

TEST(Tls, AnswersHttp1WithEveryAllowedVersion) {
  const TestCertificate certificate;
  TestServer server(with_tls(certificate));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TestTlsClient client(server.port(), {}, version);
    ASSERT_TRUE(client.is_connected());
    for (int i = 0; i < 3; ++i) {
      const std::string answer = client.ask(kPing);
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
      EXPECT_TRUE(answer.ends_with("{\"pong\":true}")) << answer;
    }
  }
  EXPECT_FALSE(TestTlsClient(server.port(), {}, TLS1_1_VERSION).is_connected());
}

TEST(Tls, CarriesLargeBodiesBothWaysAndBlockingRoutes) {
  const TestCertificate certificate;
  TestServer server(with_tls(certificate));
  TestTlsClient client(server.port());
  const std::string body(1'000'000, 'x');
  for (const char* path : {"/echo", "/blocking"}) {
    const std::string answer =
        client.ask("POST " + std::string(path) +
                   " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + body);
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body)) << answer.substr(0, 200);
  }
  EXPECT_GT(client.ask("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").size(), 8'000'000U);
}

TEST(Tls, ChoosesTheProtocolByAlpn) {
  const TestCertificate certificate;
  TestServer server(with_tls(certificate));
  EXPECT_EQ(TestTlsClient(server.port(), "\x02h2\x08http/1.1").protocol(), "h2");
  EXPECT_EQ(TestTlsClient(server.port(), "\x08http/1.1").protocol(), "http/1.1");
  EXPECT_EQ(TestTlsClient(server.port()).protocol(), "");
  EXPECT_FALSE(TestTlsClient(server.port(), "\x06spdy/9").is_connected());
  TestTlsClient client(server.port(), "\x02h2");
  const std::string settings = client.read(9);
  ASSERT_EQ(settings.size(), 9U);
  EXPECT_EQ(settings[3], 4) << "the server's first frame is SETTINGS, unasked";
}

TEST(Tls, TellsPlainHttpWhatIsWrong) {
  const TestCertificate certificate;
  TestServer server(with_tls(certificate));
  TestClient client(server.port());
  const auto answer = client.ask(kPing);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("https://"), std::string::npos) << answer.body;
  EXPECT_TRUE(client.is_closed_by_server());
  TestClient garbage(server.port());
  garbage.send(std::string_view("\0\1\2\3", 4));
  EXPECT_EQ(garbage.read_all(), "");
  EXPECT_TRUE(TestTlsClient(server.port()).ask(kPing).starts_with("HTTP/1.1 200"));
}

TEST(Tls, ClosesWhoDoesNotFinishTheHandshake) {
  const TestCertificate certificate;
  HttpServerOptions options = with_tls(certificate);
  options.header_timeout = 20'000;
  TestServer server(options);
  TestClient silent(server.port());
  TestClient slow(server.port());
  slow.send(std::string_view("\x16\3\1\0", 4));
  server.wait_for_open_connections(2);
  server.clock().advance(30'000);
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(slow.read_all(), "");
}

TEST(Tls, Answers408ToWhoStopsWithinAHeader) {
  const TestCertificate certificate;
  HttpServerOptions options = with_tls(certificate);
  options.header_timeout = 20'000;
  options.idle_timeout = 300LL * 24 * 3600 * 1'000'000;
  TestServer server(options);
  TestTlsClient client(server.port());
  ASSERT_TRUE(client.ask(kPing).starts_with("HTTP/1.1 200"));
  ASSERT_TRUE(client.send("GET /ping HTTP/1.1\r\nHo"));
  std::atomic<bool> is_answered{false};
  std::thread time([&] {
    while (!is_answered) {
      server.clock().advance(5'000);
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(client.read(12), "HTTP/1.1 408");
  is_answered = true;
  time.join();
}

TEST(Tls, SaysGoodbyeBeforeItCloses) {
  const TestCertificate certificate;
  TestServer server(with_tls(certificate));
  TestTlsClient client(server.port());
  const std::string answer =
      client.ask("GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_EQ(client.read(1), "");
  EXPECT_TRUE(client.has_goodbye());
}

TEST(Tls, GivesNewConnectionsAChangedCertificateAndKeepsOldOnes) {
  TestCertificate certificate("first");
  HttpServerOptions options = with_tls(certificate);
  options.header_timeout = options.idle_timeout = 20'000;  // the loop looks every 5 ms
  TestServer server(options);
  TestTlsClient old(server.port());
  EXPECT_EQ(old.certificate_name(), "first");
  certificate.write("second");
  while (TestTlsClient(server.port()).certificate_name() != "second") std::this_thread::yield();
  EXPECT_TRUE(old.ask(kPing).starts_with("HTTP/1.1 200"));
  std::ofstream(certificate.files().certificate) << "broken";
  EXPECT_EQ(TestTlsClient(server.port()).certificate_name(), "second");
}

core::Error load_error(const TlsFiles& files) {
  auto loaded = TlsCertificate::load(files);
  return loaded ? core::Error{core::ErrorCode::kInternal, "loaded"} : loaded.error();
}

TEST(TlsCertificate, NamesTheFileAndTheReasonOfAnError) {
  const TestCertificate good, other;
  TlsFiles files = good.files();
  files.certificate += ".none";
  EXPECT_EQ(load_error(files).code, core::ErrorCode::kNotFound);
  EXPECT_NE(load_error(files).message.find(files.certificate.string()), std::string::npos);

  files = good.files();
  files.key = other.files().key;
  const core::Error mismatch = load_error(files);
  EXPECT_EQ(mismatch.code, core::ErrorCode::kInvalidArgument);
  EXPECT_NE(mismatch.message.find("key values mismatch"), std::string::npos) << mismatch.message;

  files = good.files();
  std::ofstream(files.key) << "no key";
  EXPECT_NE(load_error(files).message.find(files.key.string()), std::string::npos);
}

}  // namespace
}  // namespace tenure::net
