#include "storage/sql/commit_group.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace tenure::storage {
namespace {

/// Keeps what was executed as words; a commit moves them to what is durable.
class WordConnection final : public WritingConnection, public SqlExecutor {
 public:
  using SqlExecutor::execute;

  core::Result<> begin() override {
    if (fails_to_begin) return core::Error{core::ErrorCode::kUnavailable, "locked"};
    is_open_ = true;
    return {};
  }
  core::Result<> commit() override {
    ++commits;
    if (fails_to_commit) return core::Error{core::ErrorCode::kResourceExhausted, "full"};
    durable.insert(durable.end(), open_.begin(), open_.end());
    roll_back();
    return {};
  }
  void roll_back() override {
    open_.clear();
    is_open_ = false;
  }
  core::Result<> mark() override {
    mark_ = open_.size();
    return {};
  }
  core::Result<> back_to_mark() override {
    open_.resize(mark_);
    return {};
  }
  bool in_transaction() override { return is_open_; }
  bool is_spoiled() override { return false; }
  SqlExecutor& executor() override { return *this; }
  SqlExecutor& outside() override { return *this; }
  bool commits_single_statements() const override { return true; }

  core::Result<std::int64_t> execute(std::string_view sql, std::span<const SqlValue>) override {
    if (sql == "fill the disk") {
      roll_back();
      return core::Error{core::ErrorCode::kResourceExhausted, "the disk is full"};
    }
    (is_open_ ? open_ : durable).emplace_back(sql);
    return 1;
  }
  core::Result<> for_each(std::string_view, std::span<const SqlValue>, const OnRow&) override {
    return {};
  }

  std::vector<std::string> durable;
  int commits = 0;
  bool fails_to_begin = false;
  bool fails_to_commit = false;

 private:
  std::vector<std::string> open_;
  std::size_t mark_ = 0;
  bool is_open_ = false;
};

core::Result<> say(SqlExecutor& sql, std::string_view word) {
  if (auto said = sql.execute(word); !said) return std::move(said).error();
  return {};
}

class CommitGroupTest : public ::testing::Test {
 protected:
  using Kind = CommitGroup::Kind;

  /// Runs the first body, and the others so that all of them wait, in this order, while it runs.
  std::vector<core::Result<>> run_together(const CommitGroup::Body& first,
                                           const std::vector<CommitGroup::Body>& others) {
    std::vector<core::Result<>> results(others.size() + 1);
    std::vector<std::thread> threads;
    results[0] = group_.run(Kind::kTransaction, [&](SqlExecutor& sql) {
      for (std::size_t i = 0; i < others.size(); ++i) {
        threads.emplace_back([&, i] {
          try {
            results[i + 1] = group_.run(Kind::kTransaction, others[i]);
          } catch (const std::runtime_error& error) {
            results[i + 1] = core::Error{core::ErrorCode::kInternal, error.what()};
          }
        });
        while (group_.waiting() < i + 1) std::this_thread::yield();
      }
      return first(sql);
    });
    for (std::thread& thread : threads) thread.join();
    return results;
  }
  static CommitGroup::Body saying(std::string word) {
    return [word = std::move(word)](SqlExecutor& sql) { return say(sql, word); };
  }
  std::string durable() const { return fmt::format("{}", fmt::join(connection_.durable, " ")); }

  WordConnection connection_;
  CommitGroup group_{connection_, std::chrono::hours(1)};  // machines may be slow
};

TEST_F(CommitGroupTest, ThoseWhoWaitTogetherShareOneCommitInTheOrderTheyCame) {
  for (const auto& result : run_together(saying("a"), {saying("b"), saying("c"), saying("d")}))
    EXPECT_TRUE(result);
  EXPECT_EQ(durable(), "a b c d");
  EXPECT_EQ(connection_.commits, 1);
}

TEST_F(CommitGroupTest, ATransactionThatIsOpenForLongTakesNoMore) {
  CommitGroup impatient(connection_, std::chrono::milliseconds(0));
  std::thread other;
  ASSERT_TRUE(impatient.run(Kind::kTransaction, [&](SqlExecutor& sql) {
    other = std::thread([&] { EXPECT_TRUE(impatient.run(Kind::kTransaction, saying("b"))); });
    while (impatient.waiting() < 1) std::this_thread::yield();
    return say(sql, "a");
  }));
  other.join();
  EXPECT_EQ(durable(), "a b");
  EXPECT_EQ(connection_.commits, 2);
}

TEST_F(CommitGroupTest, OneWhoIsAloneCommitsAtOnce) {
  EXPECT_TRUE(group_.run(Kind::kTransaction, saying("a")));
  EXPECT_EQ(connection_.commits, 1);
  EXPECT_TRUE(group_.run(Kind::kStatement, saying("b")));
  EXPECT_EQ(connection_.commits, 1);  // needs none
  EXPECT_EQ(durable(), "a b");
}

TEST_F(CommitGroupTest, ABodyThatFailsIsUndoneAlone) {
  const auto results = run_together(
      saying("a"), {[](SqlExecutor& sql) -> core::Result<> {
                      static_cast<void>(say(sql, "b"));
                      return core::Error{core::ErrorCode::kConflict, "changed my mind"};
                    },
                    [](SqlExecutor& sql) -> core::Result<> {
                      static_cast<void>(say(sql, "c"));
                      throw std::runtime_error("thrown");
                    },
                    saying("d")});
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, core::ErrorCode::kConflict);
  EXPECT_EQ(results[2].error().message, "thrown");
  EXPECT_TRUE(results[3]);
  EXPECT_EQ(durable(), "a d");
  EXPECT_EQ(connection_.commits, 1);
}

TEST_F(CommitGroupTest, AFirstBodyThatFailsLeavesTheOthersATransactionOfTheirOwn) {
  const auto results = run_together(
      [](SqlExecutor& sql) -> core::Result<> {
        static_cast<void>(say(sql, "a"));
        return core::Error{core::ErrorCode::kConflict, "no"};
      },
      {saying("b"), saying("c")});
  EXPECT_EQ(results[0].error().code, core::ErrorCode::kConflict);
  EXPECT_TRUE(results[1]);
  EXPECT_TRUE(results[2]);
  EXPECT_EQ(durable(), "b c");
}

TEST_F(CommitGroupTest, ACommitThatFailsFailsAllOfThem) {
  connection_.fails_to_commit = true;
  for (const auto& result : run_together(saying("a"), {saying("b"), saying("c")})) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, core::ErrorCode::kResourceExhausted);
  }
  EXPECT_EQ(durable(), "");
  connection_.fails_to_commit = false;
  EXPECT_TRUE(group_.run(Kind::kTransaction, saying("d")));
  EXPECT_EQ(durable(), "d");
}

TEST_F(CommitGroupTest, AFullDiskEndsThoseThatRanAndTheRestGoOn) {
  const auto results =
      run_together(saying("a"), {saying("b"), saying("fill the disk"), saying("c")});
  for (const std::size_t i : {0U, 1U, 2U}) {
    ASSERT_FALSE(results[i]) << i;
    EXPECT_EQ(results[i].error().code, core::ErrorCode::kResourceExhausted) << i;
  }
  EXPECT_TRUE(results[3]);
  EXPECT_EQ(durable(), "c");
}

TEST_F(CommitGroupTest, ALockedDatabaseIsToldToEachWhoWaits) {
  connection_.fails_to_begin = true;
  const auto result = group_.run(Kind::kTransaction, saying("a"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, core::ErrorCode::kUnavailable);
}

TEST_F(CommitGroupTest, WhatStandsAloneSharesNothing) {
  std::atomic<bool> was_in_transaction{true};
  std::thread alone;
  ASSERT_TRUE(group_.run(Kind::kTransaction, [&](SqlExecutor& sql) {
    alone = std::thread([&] {
      EXPECT_TRUE(group_.run(Kind::kAlone, [&](SqlExecutor&) -> core::Result<> {
        was_in_transaction = connection_.in_transaction();
        return {};
      }));
    });
    while (group_.waiting() < 1) std::this_thread::yield();
    return say(sql, "a");
  }));
  alone.join();
  EXPECT_FALSE(was_in_transaction);
}

TEST_F(CommitGroupTest, TheCallersOwnExceptionReachesTheCaller) {
  EXPECT_THROW(static_cast<void>(group_.run(
                   Kind::kTransaction,
                   [](SqlExecutor&) -> core::Result<> { throw std::runtime_error("mine"); })),
               std::runtime_error);
  EXPECT_TRUE(group_.run(Kind::kTransaction, saying("a")));
  EXPECT_EQ(durable(), "a");
}

}  // namespace
}  // namespace tenure::storage
