#include "data/parquet_file.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/id.h"

namespace tenure::data {
namespace {

class TableFile : public ::testing::Test {
 protected:
  TableFile() { std::filesystem::create_directories(folder_); }
  ~TableFile() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::string first_name(const std::filesystem::path& file, std::string_view csv_options = "") {
    auto table = engine_->query(fmt::format("SELECT name FROM {}", file_table(file, csv_options)));
    return table ? std::string(table->columns[0].text(0)) : table.error().message;
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
  std::unique_ptr<Engine> engine_ =
      std::move(*Engine::open({.path = "", .temporary = {}, .threads = 1}));
};

TEST_F(TableFile, IsReadAsWhatItHoldsWhateverItsName) {
  for (const char* name : {"rows.parquet", "rows.pq", "rows.PARQUET", "rows", "rows.csv"}) {
    const std::filesystem::path file = folder_ / name;
    ASSERT_TRUE(write_parquet(*engine_, "SELECT 'Ann' AS name", file));
    EXPECT_EQ(first_name(file), "Ann") << name;
  }
  for (const char* name : {"rows.csv", "rows.txt", "rows"}) {
    const std::filesystem::path file = folder_ / name;
    std::ofstream(file) << "name,age\nBob,3\n";
    EXPECT_EQ(first_name(file, ", header=true, all_varchar=true"), "Bob") << name;
  }
}

TEST_F(TableFile, IsMeantAsParquetByItsNameWhenItHoldsNothing) {
  for (const char* name : {"rows.parquet", "rows.pq", "rows.PARQUET"}) {
    EXPECT_TRUE(is_parquet_file(folder_ / name)) << name;
    std::ofstream(folder_ / name) << "";
    EXPECT_TRUE(is_parquet_file(folder_ / name)) << name;
  }
  EXPECT_FALSE(is_parquet_file(folder_ / "rows.csv"));
  EXPECT_FALSE(is_parquet_file(folder_));
}

TEST_F(TableFile, IsTheOneThatIsNamedAndNoPattern) {
  const std::filesystem::path file = folder_ / "rows [1]*.csv";
  std::ofstream(file) << "name,age\nBob,3\n";
  std::ofstream(folder_ / "rows 1.csv") << "name,age\nEve,4\n";
  EXPECT_EQ(first_name(file), "Bob");
}

}  // namespace
}  // namespace tenure::data
