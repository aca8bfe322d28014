#include "storage/objects/s3_signer.h"

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "core/time_format.h"

namespace tenure::storage {
namespace {

constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// The published examples of the signature's definition.
class S3Signer : public ::testing::Test {
 protected:
  static S3Message example(std::string method, std::string path) {
    return {.method = std::move(method),
            .host = "examplebucket.s3.amazonaws.com",
            .path = std::move(path)};
  }
  static S3Scope example_scope(std::string_view time = "2013-05-24T00:00:00Z") {
    return {core::parse_time(time).value(), "us-east-1"};
  }
  static std::string signature_in(const S3Message& message) {
    const std::string& text = message.headers.back().second;
    return text.substr(text.rfind('=') + 1);
  }
  /// Checks the canonical request before signing, and the signature behind it.
  void expect(S3Message message, std::string_view payload_hash, std::string_view canonical_hash,
              std::string_view signature) {
    sign_s3_headers(message, keys_, example_scope(), payload_hash);
    EXPECT_EQ(message.headers.back().first, "authorization");
    EXPECT_EQ(signature_in(message), signature);
    message.headers.pop_back();
    EXPECT_EQ(core::sha256_hex(s3_canonical_request(message, payload_hash)), canonical_hash);
  }
  const S3Credentials keys_{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
};

TEST_F(S3Signer, SignsARangeOfAnObject) {
  S3Message get = example("GET", "/test.txt");
  get.headers = {{"range", "bytes=0-9"}};
  expect(get, kEmptyHash, "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Signer, SignsABodyAndItsHeaders) {
  S3Message put = example("PUT", "/test$file.text");
  put.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  expect(put, core::sha256_hex("Welcome to Amazon S3."),
         "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(S3Signer, SignsQueries) {
  S3Message lifecycle = example("GET", "/");
  lifecycle.query = {{"lifecycle", ""}};
  expect(lifecycle, kEmptyHash, "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  S3Message listing = example("GET", "/");
  listing.query = {{"prefix", "J"}, {"max-keys", "2"}};
  expect(listing, kEmptyHash, "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_F(S3Signer, SignsTheFirstPartOfStreamedBodies) {
  S3Message put{
      .method = "PUT", .host = "s3.amazonaws.com", .path = "/examplebucket/chunkObject.txt"};
  put.headers = {{"content-encoding", "aws-chunked"},
                 {"content-length", "66824"},
                 {"x-amz-decoded-content-length", "66560"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  sign_s3_headers(put, keys_, example_scope(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  EXPECT_EQ(signature_in(put), "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  S3Message trailer = put;
  trailer.headers = {{"content-encoding", "aws-chunked"},
                     {"x-amz-decoded-content-length", "66560"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                     {"x-amz-trailer", "x-amz-checksum-crc32c"}};
  sign_s3_headers(trailer, keys_, example_scope(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
  EXPECT_EQ(signature_in(trailer),
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
}

TEST_F(S3Signer, MakesAUrlForAnybody) {
  const S3Message get = example("GET", "/test.txt");
  const std::string target = presign_s3_target(get, keys_, example_scope(), 86400);
  EXPECT_EQ(target,
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
            "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
            "86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
  S3Message signed_get = get;
  signed_get.query = {
      {"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
      {"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"},
      {"X-Amz-Date", "20130524T000000Z"},
      {"X-Amz-Expires", "86400"},
      {"X-Amz-SignedHeaders", "host"}};
  EXPECT_EQ(core::sha256_hex(s3_canonical_request(signed_get, kS3UnsignedPayload)),
            "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04");
}

// Of a server of one's own: a port in the host, the bucket in the path, bytes that need encoding.
TEST_F(S3Signer, EncodesPathsAndQueriesOnce) {
  const auto signature = [&](std::string method, std::string path, S3Pairs query) {
    S3Message message{.method = std::move(method),
                      .host = "127.0.0.1:9000",
                      .path = std::move(path),
                      .query = std::move(query)};
    sign_s3_headers(message, keys_, example_scope("2026-01-02T03:04:05Z"), kEmptyHash);
    return signature_in(message);
  };
  EXPECT_EQ(signature("GET", "/bkt/data/h\xc3\xa9llo w\xc3\xb6rld+(1)=~.txt", {}),
            "db1114c8e77a8d67a1dbd7dc1e9df4e0d88ade8e0aa417902e70b63f773f0a1b");
  EXPECT_EQ(signature("GET", "/bkt",
                      {{"prefix", "files/md5/00/0"},
                       {"list-type", "2"},
                       {"max-keys", "1000"},
                       {"encoding-type", "url"},
                       {"continuation-token", "1/abc=+"}}),
            "77ea19840d29e4398ac96877e9721ed97b8c231062277dc6bab8e501f60120c8");
  EXPECT_EQ(signature("POST", "/bkt/big.bin", {{"uploads", ""}}),
            "e088bc64a5a1d3b0aa3cb8c9275a850b773ab2a161b070de5e20d391423a7f57");
}

TEST_F(S3Signer, SignsForOtherServicesAsTheirSuiteSays) {
  const S3Message get{.method = "GET",
                      .host = "example.amazonaws.com",
                      .path = "/",
                      .headers = {{"x-amz-date", "20150830T123600Z"}}};
  const S3Scope scope{core::parse_time("2015-08-30T12:36:00Z").value(), "us-east-1", "service"};
  EXPECT_EQ(s3_signature({"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, scope,
                         s3_canonical_request(get, kEmptyHash)),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST_F(S3Signer, TrimsHeadersAndSignsTheSessionToken) {
  S3Message spaced = example("GET", "/");
  spaced.headers = {{"x-amz-meta-a", "  a   b\t "}};
  EXPECT_NE(s3_canonical_request(spaced, kEmptyHash).find("\nx-amz-meta-a:a b\n"),
            std::string::npos);
  S3Message plain = example("GET", "/");
  S3Credentials temporary = keys_;
  temporary.session_token = "a/token==";
  sign_s3_headers(plain, temporary, example_scope(), kEmptyHash);
  EXPECT_NE(plain.headers.back().second.find(
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
            std::string::npos);
  EXPECT_NE(presign_s3_target(example("PUT", "/k"), temporary, example_scope(), 60)
                .find("&X-Amz-Security-Token=a%2Ftoken%3D%3D&"),
            std::string::npos);
}

}  // namespace
}  // namespace tenure::storage
