#include "api/idempotency/answer_memory.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/idempotency/idempotent_handler.h"
#include "api/test_api.h"
#include "net/file_source.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::api {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr core::Micros kHour = 3600 * core::kMicrosPerSecond;
constexpr std::string_view kRow = R"({"features":[[5,0.3,1,0]]})";

class AnswerMemoryTest : public testing::Test {
 protected:
  std::unique_ptr<AnswerMemory> open(AnswerMemory::Options options = {}) {
    return std::make_unique<AnswerMemory>(
        [this] {
          ++opened_;
          return storage::open_kv_store("lmdb:///answers", folder_.path().string());
        },
        clock_, metrics_, options);
  }
  static void keep(AnswerMemory& memory, std::string_view key, std::string body = "body") {
    auto found = memory.find(key, "print");
    ASSERT_TRUE(found.has_value()) << found.error().message;
    ASSERT_TRUE(found->claim.has_value());
    EXPECT_TRUE(found->claim
                    ->keep({.fingerprint = "print",
                            .status = 200,
                            .content_type = "application/json",
                            .headers = {},
                            .body = std::move(body)})
                    .has_value());
  }
  static bool has(AnswerMemory& memory, std::string_view key) {
    const auto found = memory.find(key, "print");
    EXPECT_TRUE(found.has_value());
    return found.has_value() && found->answer.has_value();
  }

  storage::testing::TemporaryFolder folder_;
  core::ManualClock clock_{TestApi::kNow};
  core::MetricRegistry metrics_;
  int opened_ = 0;
};

TEST_F(AnswerMemoryTest, GivesBackWhatWasKeptAlsoToTheNextProcess) {
  auto memory = open();
  {
    auto found = memory->find("k", "print");
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->answer.has_value());
    ASSERT_TRUE(found->claim
                    ->keep({.fingerprint = "print",
                            .status = 201,
                            .content_type = "application/octet-stream",
                            .headers = {{"X-Length", "3"}},
                            .body = std::string("a\n\0b", 4)})
                    .has_value());
  }
  memory.reset();
  memory = open();
  const auto found = memory->find("k", "print");
  ASSERT_TRUE(found.has_value());
  ASSERT_TRUE(found->answer.has_value());
  EXPECT_FALSE(found->claim.has_value());
  EXPECT_EQ(found->answer->status, 201);
  EXPECT_EQ(found->answer->content_type, "application/octet-stream");
  EXPECT_EQ(found->answer->headers.at(0).second, "3");
  EXPECT_EQ(found->answer->body, std::string("a\n\0b", 4));
  EXPECT_THAT(metrics_.prometheus_text(), HasSubstr("tenure_idempotent_replays_total 1\n"));
}

TEST_F(AnswerMemoryTest, OpensItsStoreOnlyWhenAKeyComes) {
  const auto memory = open();
  EXPECT_EQ(opened_, 0);
  keep(*memory, "k");
  keep(*memory, "l");
  EXPECT_EQ(opened_, 1);
}

TEST_F(AnswerMemoryTest, TellsAKeyInFlightAndAKeyOfAnotherRequest) {
  const auto memory = open();
  {
    const auto first = memory->find("k", "print");
    const auto second = memory->find("k", "print");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, core::ErrorCode::kConflict);
    EXPECT_TRUE(memory->find("other", "print").has_value());
  }
  keep(*memory, "k");  // the first was given up, so the key is free again
  const auto other = memory->find("k", "another print");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_TRUE(has(*memory, "k")) << "a mistaken request leaves it as it was";
}

TEST_F(AnswerMemoryTest, ForgetsAfterItsTime) {
  const auto memory = open({.keep = 24 * kHour});
  keep(*memory, "k");
  clock_.advance(24 * kHour - 1);
  EXPECT_TRUE(has(*memory, "k"));
  clock_.advance(1);
  EXPECT_FALSE(has(*memory, "k"));
  keep(*memory, "k", "anew");
  EXPECT_TRUE(has(*memory, "k"));
}

TEST_F(AnswerMemoryTest, RemovesTheOldestBeyondItsBounds) {
  const auto memory = open({.entries_max = 10});
  for (std::uint64_t i = 0; i < AnswerMemory::kPurgeEvery + 1; ++i) {
    keep(*memory, "k" + std::to_string(i));
    clock_.advance(1);
  }
  EXPECT_FALSE(has(*memory, "k0"));
  EXPECT_FALSE(has(*memory, "k200"));
  EXPECT_TRUE(has(*memory, "k" + std::to_string(AnswerMemory::kPurgeEvery)));
}

TEST_F(AnswerMemoryTest, BoundsTheBytesItKeeps) {
  const auto memory = open({.bytes_max = 64 * 1024});
  for (int i = 0; i < 30; ++i) {
    keep(*memory, "k" + std::to_string(i), std::string(10'000, 'x'));
    clock_.advance(1);
  }
  int left = 0;
  for (int i = 0; i < 30; ++i) left += has(*memory, "k" + std::to_string(i)) ? 1 : 0;
  EXPECT_LE(left, 6);
  EXPECT_GE(left, 1);
  EXPECT_TRUE(has(*memory, "k29"));
}

TEST_F(AnswerMemoryTest, DoesNotRemoveAKeyThatWasUsedAnew) {
  const auto memory = open({.keep = kHour});
  keep(*memory, "k", "old");
  clock_.advance(kHour);
  keep(*memory, "k", "new");
  clock_.advance(1);
  for (std::uint64_t i = 0; i < AnswerMemory::kPurgeEvery; ++i)
    keep(*memory, "other" + std::to_string(i));
  EXPECT_EQ(memory->find("k", "print")->answer->body, "new");
}

TEST_F(AnswerMemoryTest, SaysThatItsStoreCannotBeOpened) {
  AnswerMemory memory(
      []() -> core::Result<std::unique_ptr<storage::KvStore>> {
        return core::Error{core::ErrorCode::kPermissionDenied, "no room"};
      },
      clock_, metrics_, {});
  const auto found = memory.find("k", "print");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, core::ErrorCode::kUnavailable);
  EXPECT_THAT(found.error().message, HasSubstr("no room"));
}

/// A store whose disk is full.
class FullStore final : public storage::KvStore {
 public:
  explicit FullStore(std::unique_ptr<storage::KvStore> inner) : inner_(std::move(inner)) {}
  core::Result<> get(
      std::span<const std::string_view> keys,
      const std::function<void(std::size_t, std::optional<std::string_view>)>& visit) override {
    return inner_->get(keys, visit);
  }
  core::Result<> put(std::span<const storage::KvEntry>) override {
    return core::Error{core::ErrorCode::kResourceExhausted, "the disk is full"};
  }
  core::Result<> update(
      std::span<const std::string_view> keys,
      const std::function<std::optional<std::string>(std::size_t, std::optional<std::string_view>)>&
          decide) override {
    return inner_->update(keys, decide);
  }
  core::Result<> erase(std::span<const std::string_view> keys) override {
    return inner_->erase(keys);
  }
  core::Result<> scan(std::string_view prefix,
                      const std::function<bool(storage::KvEntry)>& visit) override {
    return inner_->scan(prefix, visit);
  }
  core::Result<std::uint64_t> count() override { return inner_->count(); }

 private:
  std::unique_ptr<storage::KvStore> inner_;
};

TEST_F(AnswerMemoryTest, GivesAnAnswerThatItCannotKeepAndCountsIt) {
  AnswerMemory memory(
      [this]() -> core::Result<std::unique_ptr<storage::KvStore>> {
        auto inner = storage::open_kv_store("lmdb:///full", folder_.path().string());
        if (!inner) return std::move(inner).error();
        return std::unique_ptr<storage::KvStore>(std::make_unique<FullStore>(*std::move(inner)));
      },
      clock_, metrics_, {});
  TestApi api(100, {.answers = &memory});
  api.serve_numbers();
  RequestExtra extra;
  extra.headers = {{kIdempotencyKey, "k"}};
  EXPECT_EQ(api.post("/predict", kRow, extra).status, 200);
  EXPECT_EQ(api.post("/predict", kRow, extra).status, 200) << "the key is free again";
  EXPECT_THAT(metrics_.prometheus_text(), HasSubstr("tenure_idempotency_failures_total 2\n"));
}

TEST_F(AnswerMemoryTest, TakesAnEntryThatCannotBeReadForNone) {
  auto store = storage::open_kv_store("lmdb:///answers", folder_.path().string());
  for (const std::string_view value :
       {"", "no line feed", "{\n", "{}\n", "[]\nbody",
        R"({"fingerprint":1})"
        "\n",
        R"({"fingerprint":"print","status":200,"content_type":"x","headers":[1],"time":0})"
        "\n"}) {
    const std::array entries{storage::KvEntry{"ak", value}};
    ASSERT_TRUE((*store)->put(entries).has_value());
    store->reset();
    EXPECT_FALSE(has(*open(), "k")) << value;
    store = storage::open_kv_store("lmdb:///answers", folder_.path().string());
  }
}

/// The routes with a memory behind them.
class IdempotentRequests : public AnswerMemoryTest {
 protected:
  IdempotentRequests() { api_.serve_numbers(); }
  net::Response post(std::string_view path, std::string_view body, std::string_view key) {
    RequestExtra extra;
    extra.headers = {{kIdempotencyKey, key}};
    return api_.post(path, body, extra);
  }
  static std::string replayed(const net::Response& response) {
    for (const auto& [name, value] : response.headers) {
      if (name == "Idempotent-Replayed") return value;
    }
    return "";
  }

  std::unique_ptr<AnswerMemory> memory_ = open();
  TestApi api_{100, {.answers = memory_.get()}};
};

TEST_F(IdempotentRequests, GetTheSamePredictionWhenTheyAreSentAgain) {
  const net::Response first = post("/predict", kRow, "8e03978e-40d5-43dd-bc93-6894a57f9324");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(replayed(first), "");
  const net::Response again = post("/predict", kRow, "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body) << "with the prediction id of the first";
  EXPECT_EQ(replayed(again), "true");
  EXPECT_NE(post("/predict", kRow, "another-key").body, first.body);
  EXPECT_THAT(api_.get("/fallback-stats").body, HasSubstr("\"primary\":2"));
}

TEST_F(IdempotentRequests, CoverEveryRouteThatPredicts) {
  constexpr std::string_view kInstances = R"({"instances":[[5,0.3,1,0]]})";
  constexpr std::string_view kTensor =
      R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[5,0.3,1,0]}],)"
      R"("parameters":{"binary_data_output":true},"outputs":[{"name":"prediction_id"}]})";
  const std::pair<std::string_view, std::string_view> kRequests[] = {
      {"/predict", kRow},
      {"/predict/batch", kRow},
      {"/explain", kRow},
      {"/invocations", kInstances},
      {"/v1/models/churn:predict", kInstances},
      {"/v2/models/churn/infer", kTensor},
      {"/v2/models/churn/versions/7/infer", kTensor},
  };
  for (const auto& [path, body] : kRequests) {
    const std::string key = "key" + std::string(path);
    const net::Response first = post(path, body, key);
    const net::Response again = post(path, body, key);
    EXPECT_EQ(first.status, 200) << path << first.body;
    EXPECT_EQ(again.body, first.body) << path;
    EXPECT_EQ(again.content_type, first.content_type) << path;
    EXPECT_EQ(replayed(again), "true") << path;
    EXPECT_GE(again.headers.size(), first.headers.size() + 1) << path;
  }
}

TEST_F(IdempotentRequests, WithAnotherBodyOrPathAre422) {
  post("/predict", kRow, "k");
  EXPECT_EQ(post("/predict", R"({"features":[[6,0.3,1,0]]})", "k").status, 422);
  EXPECT_EQ(post("/predict/batch", kRow, "k").status, 422);
}

TEST_F(IdempotentRequests, OfOneTokenAreNotAnsweredToAnother) {
  int calls = 0;
  const net::Handler handler =
      idempotent(*memory_, [&calls](const net::Request&, net::Response& response) {
        ++calls;
        response.add_header("X-Own", "1");
        response.body = fmt::format("{}", calls);
      });
  const std::array headers{net::Request::Header{kIdempotencyKey, "key"}};
  const auto ask = [&](std::string_view principal) {
    net::Request request;
    request.method = net::Method::kPost;
    request.headers = headers;
    request.principal = "same-name";
    request.principal_id = principal;
    net::Response response;
    response.add_header("RateLimit", "1");  // of what stands before the handler
    handler(request, response);
    EXPECT_EQ(response.headers.size(), replayed(response).empty() ? 2U : 3U);
    return response.body;
  };
  EXPECT_EQ(ask("ann"), "1");
  EXPECT_EQ(ask("bob"), "2");
  EXPECT_EQ(ask("ann"), "1");
  EXPECT_EQ(ask(""), "3");
}

TEST_F(IdempotentRequests, KeepNoBodyThatIsMadeWhileItIsSent) {
  int calls = 0;
  const net::Handler handler =
      idempotent(*memory_, [&calls](const net::Request& request, net::Response& response) {
        EXPECT_NE(request.sink, nullptr);
        response.source = std::make_unique<net::TextSource>(fmt::format("{}", ++calls));
      });
  struct Sink final : net::BodySink {
    core::Result<> write(std::string_view) override { return {}; }
  } sink;
  const std::array headers{net::Request::Header{kIdempotencyKey, "key"}};
  for (int i = 1; i <= 2; ++i) {
    net::Request request;
    request.headers = headers;
    request.sink = &sink;
    net::Response response;
    handler(request, response);
    EXPECT_NE(response.source, nullptr);
    EXPECT_EQ(calls, i);
  }
}

TEST_F(IdempotentRequests, InFlightAre409) {
  const auto held = memory_->find("k", "some request");
  const net::Response response = post("/predict", kRow, "k");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.headers.at(0).first, "Retry-After");
}

TEST_F(IdempotentRequests, ThatWereRefusedMayBeMended) {
  EXPECT_EQ(post("/predict", "{", "k").status, 422);
  EXPECT_EQ(post("/predict", kRow, "k").status, 200);
}

TEST_F(IdempotentRequests, NeedAKeyThatIsOne) {
  for (const std::string& key :
       {std::string("a b"), std::string("\"\""), std::string("\""), std::string(256, 'k'),
        std::string("caf\xc3\xa9"), std::string("a\\b")}) {
    EXPECT_EQ(post("/predict", kRow, key).status, 400) << key;
  }
  EXPECT_EQ(post("/predict", kRow, std::string(255, 'k')).status, 200);
}

TEST_F(IdempotentRequests, AreTheOnlyOnesThatPay) {
  EXPECT_EQ(api_.post("/predict", kRow).status, 200);
  EXPECT_EQ(opened_, 0);
}

}  // namespace
}  // namespace tenure::api
