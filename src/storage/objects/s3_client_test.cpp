#include "storage/objects/s3_client.h"

#include <array>

#include <gtest/gtest.h>

#include "core/time_format.h"
#include "storage/objects/s3_bucket.h"
#include "storage/objects/s3_object_store.h"
#include "storage/objects/s3_retry.h"
#include "storage/testing/http_double.h"

namespace tenure::storage {
namespace {

using testing::HttpDouble;

constexpr core::Micros kNow = core::Micros{1'767'323'045} * core::kMicrosPerSecond;

std::string error_body(std::string_view code, std::string_view more = {}) {
  return "<?xml version=\"1.0\"?><Error><Code>" + std::string(code) +
         "</Code><Message>why &amp; how</Message>" + std::string(more) + "</Error>";
}

class S3ClientTest : public ::testing::Test {
 protected:
  S3Options options_for(const HttpDouble& server) {
    S3Options options;
    options.bucket = "bkt";
    options.endpoint = server.address();
    options.credentials = {"AKIDEXAMPLE", "very-secret", ""};
    options.wait = [this](core::Micros pause) { pauses_.push_back(pause); };
    return options;
  }
  std::unique_ptr<S3Client> open(const HttpDouble& server) { return open(options_for(server)); }
  std::unique_ptr<S3Client> open(S3Options options) {
    return *S3Client::open(std::move(options), clock_);
  }
  std::shared_ptr<core::ManualClock> clock_ = std::make_shared<core::ManualClock>(kNow);
  std::vector<core::Micros> pauses_;
};

TEST_F(S3ClientTest, TriesAgainWhatFailedForTheMoment) {
  HttpDouble server({HttpDouble::kCut,
                     HttpDouble::answer("500 Internal Server Error", error_body("InternalError")),
                     HttpDouble::answer("200 OK", "", "ETag: \"x\"\r\n")});
  S3Bucket bucket(open(server));
  auto put = bucket.put("a b", "bytes");
  EXPECT_TRUE(put) << put.error().message;
  ASSERT_EQ(server.requests().size(), 3U);
  for (const std::string& request : server.requests()) {
    EXPECT_TRUE(request.starts_with("PUT /bkt/a%20b HTTP/1.1\r\n")) << request;
    EXPECT_TRUE(request.ends_with("\r\n\r\nbytes")) << request;
  }
  ASSERT_EQ(pauses_.size(), 2U);
  EXPECT_LE(pauses_[0], core::kMicrosPerSecond);
  EXPECT_LE(pauses_[1], 2 * core::kMicrosPerSecond);
}

TEST_F(S3ClientTest, GivesUpAfterThreeAttempts) {
  const std::string busy = HttpDouble::answer("503 Slow Down", error_body("SlowDown"));
  HttpDouble server({busy, busy, busy, busy});
  const auto put = S3Bucket(open(server)).put("k", "");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, core::ErrorCode::kUnavailable);
  EXPECT_NE(put.error().message.find("SlowDown (why & how)"), std::string::npos)
      << put.error().message;
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(S3ClientTest, DoesNotRepeatWhatWillFailAgainAndTellsWhy) {
  HttpDouble server({HttpDouble::answer("403 Forbidden", error_body("AccessDenied"))});
  const auto put = S3Bucket(open(server)).put("k", "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, core::ErrorCode::kPermissionDenied);
  EXPECT_EQ(put.error().message.find("very-secret"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(S3ClientTest, TellsAServerThatIsNotThereAndOneThatNeverAnswers) {
  std::string gone;
  {
    HttpDouble server({});
    gone = server.address();
  }
  HttpDouble silent({HttpDouble::kSilent});
  S3Options options = options_for(silent);
  options.stalled_seconds = 1;
  options.attempts = 1;
  EXPECT_EQ(S3Bucket(open(options)).head("k").error().code, core::ErrorCode::kDeadlineExceeded);
  options.endpoint = gone;
  EXPECT_EQ(S3Bucket(open(options)).head("k").error().code, core::ErrorCode::kUnavailable);
}

TEST_F(S3ClientTest, KeepsItsConnection) {
  HttpDouble server({HttpDouble::answer("200 OK", ""), HttpDouble::answer("200 OK", "")});
  S3Bucket bucket(open(server));
  ASSERT_TRUE(bucket.put("a", "1"));
  // The double serves one connection until it is closed, so a second one would wait for ever.
  ASSERT_TRUE(bucket.put("b", "2"));
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(S3ClientTest, GoesToTheRegionThatTheServerNames) {
  HttpDouble server(
      {HttpDouble::answer("400 Bad Request", error_body("AuthorizationHeaderMalformed",
                                                        "<Region>eu-north-1</Region>")),
       HttpDouble::answer("200 OK", ""),
       HttpDouble::answer("301 Moved", "", "x-amz-bucket-region: eu-west-3\r\n"),
       HttpDouble::answer("200 OK", "")});
  S3Bucket bucket(open(server));
  ASSERT_TRUE(bucket.put("a", "1"));
  ASSERT_TRUE(bucket.put("a", "1"));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4U);
  const auto regions =
      std::to_array<std::string>({"us-east-1", "eu-north-1", "eu-north-1", "eu-west-3"});
  for (std::size_t i = 0; i < requests.size(); ++i)
    EXPECT_NE(requests[i].find("/" + regions[i] + "/s3/aws4_request"), std::string::npos);
  EXPECT_TRUE(pauses_.empty());
}

TEST_F(S3ClientTest, FollowsToAnotherHostForOneRequest) {
  HttpDouble there({HttpDouble::answer("200 OK", "")});
  HttpDouble here({HttpDouble::answer("307 Temporary Redirect", "",
                                      "Location: " + there.address() + "/bkt/a\r\n")});
  ASSERT_TRUE(S3Bucket(open(here)).put("a", "1"));
  ASSERT_EQ(there.requests().size(), 1U);
  EXPECT_NE(there.requests()[0].find("Host: " + there.address().substr(7)), std::string::npos);
}

TEST_F(S3ClientTest, TakesTheServersTimeWhenTheClocksDiffer) {
  HttpDouble server({HttpDouble::answer("403 Forbidden", error_body("RequestTimeTooSkewed"),
                                        "Date: Tue, 06 Jan 2026 12:00:00 GMT\r\n"),
                     HttpDouble::answer("200 OK", "")});
  ASSERT_TRUE(S3Bucket(open(server)).put("a", "1"));
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_NE(server.requests()[0].find("x-amz-date: 20260102T030405Z"), std::string::npos);
  EXPECT_NE(server.requests()[1].find("x-amz-date: 20260106T120000Z"), std::string::npos);
}

TEST_F(S3ClientTest, AnAnswerThatEndsEarlyIsFetchedAgain) {
  const std::string whole = HttpDouble::answer("206 Partial Content", "12345",
                                               "Content-Range: bytes 0-4/5\r\nETag: \"e\"\r\n");
  HttpDouble server(
      {"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nConnection: close\r\n"
       "Content-Range: bytes 0-4/5\r\n\r\n12",
       whole});
  S3Options options = options_for(server);
  options.stalled_seconds = 1;
  const auto block = S3Bucket(open(options)).get("k", 0, 100, {});
  ASSERT_TRUE(block) << block.error().message;
  EXPECT_EQ(block->bytes, "12345");
  EXPECT_EQ(block->info.version, "e");
}

TEST_F(S3ClientTest, RefusesAnswersThatAreNotWhatWasAskedFor) {
  HttpDouble server({HttpDouble::answer("206 Partial Content", "12345",
                                        "Content-Range: bytes 7-11/50\r\nETag: \"e\"\r\n"),
                     HttpDouble::answer("200 OK", "<html>no listing</html>"),
                     HttpDouble::answer("200 OK", "{}"),
                     HttpDouble::answer("200 OK",
                                        "<ListBucketResult><IsTruncated>true</IsTruncated>"
                                        "</ListBucketResult>"),
                     HttpDouble::answer("200 OK", std::string(5000, 'x'))});
  S3Bucket bucket(open(server));
  EXPECT_EQ(bucket.get("k", 0, 5, {}).error().code, core::ErrorCode::kCorruption);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(bucket.list("", "", "").error().code, core::ErrorCode::kCorruption) << i;
  EXPECT_EQ(bucket.client().call({.method = "GET", .answer_max = 4999}).error().code,
            core::ErrorCode::kResourceExhausted);
}

TEST_F(S3ClientTest, ServesRangesFromAServerThatKnowsNone) {
  HttpDouble server({HttpDouble::answer("200 OK", "0123456789", "ETag: \"e\"\r\n")});
  const auto block = S3Bucket(open(server)).get("k", 3, 4, {});
  ASSERT_TRUE(block) << block.error().message;
  EXPECT_EQ(block->bytes, "3456");
  EXPECT_EQ(block->info.size, 10U);
}

TEST_F(S3ClientTest, AFailureInsideASuccessIsAFailure) {
  HttpDouble server({HttpDouble::answer("200 OK", error_body("InternalError")),
                     HttpDouble::answer("200 OK",
                                        "<DeleteResult><Error><Key>a</Key><Code>"
                                        "AccessDenied</Code></Error></DeleteResult>")});
  S3Bucket bucket(open(server));
  EXPECT_FALSE(bucket.complete_upload("k", "id", {"\"e\""}, 5));
  EXPECT_EQ(bucket.remove_many({"a"}).error().code, core::ErrorCode::kPermissionDenied);
}

TEST_F(S3ClientTest, ACompletionWhoseAnswerWasLostIsFound) {
  HttpDouble server({HttpDouble::kCut,
                     HttpDouble::answer("404 Not Found", error_body("NoSuchUpload")),
                     "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nETag: \"abc-2\"\r\n\r\n"});
  auto done = S3Bucket(open(server)).complete_upload("k", "id", {"\"1\"", "\"2\""}, 12);
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(S3ClientTest, AWriterThatIsDroppedGivesItsUploadUp) {
  const std::string begun = HttpDouble::answer("200 OK", "<R><UploadId>the/id</UploadId></R>");
  HttpDouble server({begun, HttpDouble::answer("200 OK", "", "ETag: \"1\"\r\n"),
                     HttpDouble::answer("204 No Content", "")});
  S3Options options = options_for(server);
  options.part_bytes = 10;
  {
    auto store = open_s3_object_store(options);
    auto writer = (*store)->create("k");
    ASSERT_TRUE((*writer)->write("0123456789abc"));
  }
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_TRUE(requests[0].starts_with("POST /bkt/k?uploads= "));
  EXPECT_TRUE(requests[1].starts_with("PUT /bkt/k?partNumber=1&uploadId=the%2Fid "));
  EXPECT_TRUE(requests[1].ends_with("\r\n\r\n0123456789"));
  EXPECT_TRUE(requests[2].starts_with("DELETE /bkt/k?uploadId=the%2Fid "));
}

TEST_F(S3ClientTest, AReaderTellsThatTheObjectWasReplaced) {
  HttpDouble server({HttpDouble::answer("206 Partial Content", "01234",
                                        "Content-Range: bytes 0-4/20\r\nETag: \"e\"\r\n"),
                     HttpDouble::answer("412 Precondition Failed", "")});
  auto store = open_s3_object_store(options_for(server));
  auto reader = (*store)->open("k");
  ASSERT_TRUE(reader) << reader.error().message;
  std::string out(100, ' ');
  EXPECT_EQ((*reader)->read(out).value(), 5U);
  EXPECT_EQ((*reader)->read(out).error().code, core::ErrorCode::kCorruption);
  EXPECT_NE(server.requests()[1].find("if-match: \"e\""), std::string::npos);
}

TEST_F(S3ClientTest, PutsTheBucketIntoTheHostWhereThatIsAsked) {
  HttpDouble server({});
  S3Options options = options_for(server);
  options.is_path_style = false;
  options.endpoint = "https://s3.example.org";
  const std::string url = open(options)->presigned_url("GET", "a b", 60);
  EXPECT_TRUE(url.starts_with("https://bkt.s3.example.org/a%20b?X-Amz-Algorithm=")) << url;
}

TEST(S3Retries, AnOutageUsesTheBudgetUp) {
  S3Retries retries(3, 1);
  int repeated = 0;
  while (retries.pause_after(1, true) >= 0) ++repeated;
  EXPECT_EQ(repeated, 50);
  for (int i = 0; i < 10; ++i) retries.succeeded(1);
  EXPECT_GE(retries.pause_after(1, true), 0);
  EXPECT_LT(retries.pause_after(3, false), 0);
}

TEST(S3Retries, KnowsWhatPasses) {
  EXPECT_TRUE(is_passing_s3_failure(503, ""));
  EXPECT_TRUE(is_passing_s3_failure(400, "RequestTimeout"));
  EXPECT_FALSE(is_passing_s3_failure(400, "InvalidRequest"));
  EXPECT_FALSE(is_passing_s3_failure(501, "NotImplemented"));
}

}  // namespace
}  // namespace tenure::storage
