#include "net/grpc_server.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "net/test_certificate.h"

namespace tenure::net {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool can_connect(std::uint16_t port, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                 std::chrono::seconds at_most) {
  const auto channel = grpc::CreateChannel("localhost:" + std::to_string(port), credentials);
  return channel->WaitForConnected(std::chrono::system_clock::now() + at_most);
}

TEST(GrpcServer, SpeaksTlsWithTheCertificateOfTheHttpServer) {
  const TestCertificate certificate, other;
  auto server = GrpcServer::start({.port = 0, .tls = certificate.files()}, {});
  ASSERT_TRUE(server.has_value()) << server.error().message;
  grpc::SslCredentialsOptions trusted{.pem_root_certs = text_of(certificate.files().certificate),
                                      .pem_private_key = {},
                                      .pem_cert_chain = {}};
  EXPECT_TRUE(
      can_connect((*server)->port(), grpc::SslCredentials(trusted), std::chrono::seconds(20)));
  trusted.pem_root_certs = text_of(other.files().certificate);
  EXPECT_FALSE(
      can_connect((*server)->port(), grpc::SslCredentials(trusted), std::chrono::seconds(1)));
}

TEST(GrpcServer, LeavesStandardErrorToWhoReportsThatThePortIsTaken) {
  auto first = GrpcServer::start({.port = 0}, {});
  ASSERT_TRUE(first.has_value()) << first.error().message;
  testing::internal::CaptureStderr();
  const auto second = GrpcServer::start({.port = (*first)->port()}, {});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, core::ErrorCode::kUnavailable);
  const std::string& message = second.error().message;
  EXPECT_NE(message.find("port " + std::to_string((*first)->port())), std::string::npos) << message;
  EXPECT_NE(message.find("serving.grpc_port"), std::string::npos) << message;
}

TEST(GrpcServer, SaysWhatIsWrongWithACertificate) {
  const TestCertificate certificate, other;
  TlsFiles files = certificate.files();
  files.key = other.files().key;
  const auto server = GrpcServer::start({.port = 0, .tls = files}, {});
  ASSERT_FALSE(server.has_value());
  EXPECT_NE(server.error().message.find(files.key.string()), std::string::npos);
}

}  // namespace
}  // namespace tenure::net
