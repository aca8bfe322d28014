#include "data/telco_generator.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/file.h"
#include "core/id.h"

namespace tenure::data {
namespace {

// One large table serves all statistical tests; what they expect was counted in the public file.
const Table& sample() {
  static const Table table =
      *generate_telco({.rows = 200'000, .seed = 7, .noise = 0, .has_true_probability = true});
  return table;
}

const Column& col(std::string_view name) {
  return *sample().find(name);
}

bool is_churned(std::size_t row) {
  return col("Churn").text(row) == "Yes";
}

struct Category {
  std::string_view column, value;
  double count, churn_rate;
};
constexpr double kRealRows = 7043;
constexpr Category kCategories[] = {
    {"gender", "Female", 3488, .2692},
    {"gender", "Male", 3555, .2616},
    {"SeniorCitizen", "0", 5901, .2361},
    {"SeniorCitizen", "1", 1142, .4168},
    {"Partner", "No", 3641, .3296},
    {"Partner", "Yes", 3402, .1966},
    {"Dependents", "No", 4933, .3128},
    {"Dependents", "Yes", 2110, .1545},
    {"PhoneService", "No", 682, .2493},
    {"PhoneService", "Yes", 6361, .2671},
    {"MultipleLines", "No", 3390, .2504},
    {"MultipleLines", "No phone service", 682, .2493},
    {"MultipleLines", "Yes", 2971, .2861},
    {"InternetService", "DSL", 2421, .1896},
    {"InternetService", "Fiber optic", 3096, .4189},
    {"InternetService", "No", 1526, .0740},
    {"OnlineSecurity", "No", 3498, .4177},
    {"OnlineSecurity", "Yes", 2019, .1461},
    {"OnlineSecurity", "No internet service", 1526, .0740},
    {"OnlineBackup", "No", 3088, .3993},
    {"OnlineBackup", "Yes", 2429, .2153},
    {"DeviceProtection", "No", 3095, .3913},
    {"DeviceProtection", "Yes", 2422, .2250},
    {"TechSupport", "No", 3473, .4164},
    {"TechSupport", "Yes", 2044, .1517},
    {"StreamingTV", "No", 2810, .3352},
    {"StreamingTV", "Yes", 2707, .3007},
    {"StreamingMovies", "No", 2785, .3368},
    {"StreamingMovies", "Yes", 2732, .2994},
    {"Contract", "Month-to-month", 3875, .4271},
    {"Contract", "One year", 1473, .1127},
    {"Contract", "Two year", 1695, .0283},
    {"PaperlessBilling", "No", 2872, .1633},
    {"PaperlessBilling", "Yes", 4171, .3357},
    {"PaymentMethod", "Bank transfer (automatic)", 1544, .1671},
    {"PaymentMethod", "Credit card (automatic)", 1522, .1524},
    {"PaymentMethod", "Electronic check", 2365, .4529},
    {"PaymentMethod", "Mailed check", 1612, .1911},
};

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  const double mx = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double my = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double sxy = 0, sxx = 0, syy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sxy += (x[i] - mx) * (y[i] - my);
    sxx += (x[i] - mx) * (x[i] - mx);
    syy += (y[i] - my) * (y[i] - my);
  }
  return sxy / std::sqrt(sxx * syy);
}

// The AUC of the best possible score, from known probabilities, without drawing outcomes.
double bayes_auc(std::vector<double> p) {
  std::sort(p.begin(), p.end());
  double sum = 0, stayers_below = 0, positives = 0, negatives = 0;
  for (const double q : p) {
    sum += q * stayers_below + 0.5 * q * (1 - q);
    stayers_below += 1 - q;
    positives += q;
    negatives += 1 - q;
  }
  return sum / (positives * negatives);
}

const std::vector<double>& numbers(const Column& column) {
  return std::get<std::vector<double>>(column.values);
}

TEST(TelcoGenerator, HasTheColumnsOfThePublicFileInOrder) {
  const auto table = generate_telco({.rows = 10, .seed = 1, .noise = 0});
  ASSERT_TRUE(table);
  std::vector<std::string> names;
  for (const Column& column : table->columns) names.push_back(column.name);
  EXPECT_EQ(
      names,
      (std::vector<std::string>{
          "customerID",   "gender",           "SeniorCitizen", "Partner",         "Dependents",
          "tenure",       "PhoneService",     "MultipleLines", "InternetService", "OnlineSecurity",
          "OnlineBackup", "DeviceProtection", "TechSupport",   "StreamingTV",     "StreamingMovies",
          "Contract",     "PaperlessBilling", "PaymentMethod", "MonthlyCharges",  "TotalCharges",
          "Churn"}));
}

TEST(TelcoGenerator, MatchesEveryShareAndChurnRateOfThePublicFile) {
  const auto rows = static_cast<double>(sample().row_count());
  for (const Category& expected : kCategories) {
    double count = 0, churned = 0;
    const Column& column = col(expected.column);
    for (std::size_t i = 0; i < column.size(); ++i) {
      if (column.display(i) != expected.value) continue;
      ++count;
      if (is_churned(i)) ++churned;
    }
    EXPECT_NEAR(count / rows, expected.count / kRealRows, .015)
        << expected.column << " " << expected.value;
    EXPECT_NEAR(churned / count, expected.churn_rate, .025)
        << expected.column << " " << expected.value;
  }
}

TEST(TelcoGenerator, MatchesTenureChargesAndTheirCorrelations) {
  const std::size_t n = sample().row_count();
  std::vector<double> tenure, monthly, total, churn, senior;
  double ones = 0, full = 0, churners = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double t = col("tenure").number(i);
    if (t == 1) ++ones;
    if (t == 72) ++full;
    if (is_churned(i)) ++churners;
    if (t == 0) continue;
    tenure.push_back(t);
    monthly.push_back(col("MonthlyCharges").number(i));
    total.push_back(col("TotalCharges").number(i));
    churn.push_back(is_churned(i) ? 1 : 0);
    senior.push_back(col("SeniorCitizen").number(i));
  }
  const auto mean = [](const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  };
  const auto rows = static_cast<double>(n);
  EXPECT_NEAR(churners / rows, .2635, .006);
  EXPECT_NEAR(mean(tenure), 32.4, .5);
  EXPECT_NEAR(ones / rows, .087, .01);
  EXPECT_NEAR(full / rows, .051, .006);
  EXPECT_NEAR(mean(monthly), 64.8, .6);
  EXPECT_NEAR(correlation(tenure, monthly), .2479, .05);
  EXPECT_NEAR(correlation(tenure, total), .8259, .05);
  EXPECT_NEAR(correlation(monthly, total), .6511, .05);
  EXPECT_NEAR(correlation(tenure, churn), -.3522, .05);
  EXPECT_NEAR(correlation(monthly, churn), .1934, .05);
  EXPECT_NEAR(correlation(total, churn), -.1995, .05);
  EXPECT_NEAR(correlation(senior, churn), .1509, .05);
}

TEST(TelcoGenerator, IsAsHardToPredictAsThePublicFile) {
  EXPECT_NEAR(bayes_auc(numbers(col("true_probability"))), .8525, .004);
}

TEST(TelcoGenerator, KeepsEveryInvariantOfThePublicFile) {
  const std::regex id("[0-9]{4}-[A-Z]{5}");
  std::set<std::string, std::less<>> ids;
  std::size_t unbilled = 0;
  const auto is_step = [](double amount) {
    const double steps = amount * 20;
    return std::abs(steps - std::round(steps)) < 1e-6;
  };
  for (std::size_t i = 0; i < sample().row_count(); ++i) {
    const std::string customer(col("customerID").text(i));
    if (i < 2'000) {
      ASSERT_TRUE(std::regex_match(customer, id)) << customer;
    }
    ASSERT_TRUE(ids.insert(customer).second) << customer;
    const double tenure = col("tenure").number(i);
    const double monthly = col("MonthlyCharges").number(i);
    ASSERT_EQ(col("TotalCharges").is_null(i), tenure == 0);
    if (tenure == 0) {
      ++unbilled;
      ASSERT_FALSE(is_churned(i));
      ASSERT_NE(col("Contract").text(i), "Month-to-month");
    } else {
      const double total = col("TotalCharges").number(i);
      ASSERT_TRUE(is_step(total)) << total;
      ASSERT_GE(total, monthly);
      if (tenure == 1) {
        ASSERT_EQ(total, monthly);
      }
    }
    ASSERT_TRUE(is_step(monthly)) << monthly;
    ASSERT_GE(monthly, 18.25);
    ASSERT_LE(monthly, 118.75);
    ASSERT_LE(tenure, 72);
    const bool has_no_internet = col("InternetService").text(i) == "No";
    for (const char* addon : {"OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport",
                              "StreamingTV", "StreamingMovies"}) {
      ASSERT_EQ(col(addon).text(i) == "No internet service", has_no_internet);
    }
    const bool has_no_phone = col("PhoneService").text(i) == "No";
    ASSERT_EQ(col("MultipleLines").text(i) == "No phone service", has_no_phone);
    if (has_no_phone) {
      ASSERT_EQ(col("InternetService").text(i), "DSL");
    }
  }
  EXPECT_NEAR(static_cast<double>(unbilled) / 200'000, .0016, .0005);
}

TEST(TelcoGenerator, FollowsThePriceList) {
  double squares = 0;
  core::Random random(3);
  constexpr int kCustomers = 20'000;
  for (int i = 0; i < kCustomers; ++i) {
    const TelcoCustomer c = draw_telco_customer(random);
    ASSERT_EQ(c.monthly_cents - telco_list_price_cents(c), c.discount_cents);
    squares += static_cast<double>(c.discount_cents * c.discount_cents) / 1e4;
  }
  EXPECT_NEAR(std::sqrt(squares / kCustomers), 1.02, .06);
}

TEST(TelcoGenerator, GetsHarderWithNoiseAtTheSameChurnRate) {
  EXPECT_NEAR(telco_intercept_shift(0.5), -.025, .01);
  EXPECT_NEAR(telco_intercept_shift(1), -.103, .01);
  EXPECT_NEAR(telco_intercept_shift(1.5), -.229, .015);
  const std::pair<double, double> expected[] = {{.5, .8456}, {1, .8272}, {1.5, .8026}};
  for (const auto& [noise, auc] : expected) {
    const auto table =
        generate_telco({.rows = 60'000, .seed = 5, .noise = noise, .has_true_probability = true});
    ASSERT_TRUE(table);
    EXPECT_NEAR(bayes_auc(numbers(*table->find("true_probability"))), auc, .006) << noise;
    double churners = 0;
    for (std::size_t i = 0; i < table->row_count(); ++i) {
      if (table->find("Churn")->text(i) == "Yes") ++churners;
    }
    EXPECT_NEAR(churners / 60'000, .2635, .008) << noise;
  }
}

TEST(TelcoGenerator, ChangesOnlyOutcomesWhenNoiseChanges) {
  const auto calm = generate_telco({.rows = 500, .seed = 5, .noise = 0});
  const auto noisy = generate_telco({.rows = 500, .seed = 5, .noise = 2});
  ASSERT_TRUE(calm && noisy);
  int different = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(calm->find("customerID")->text(i), noisy->find("customerID")->text(i));
    EXPECT_EQ(calm->find("MonthlyCharges")->number(i), noisy->find("MonthlyCharges")->number(i));
    if (calm->find("Churn")->text(i) != noisy->find("Churn")->text(i)) ++different;
  }
  EXPECT_GT(different, 10);
}

class TelcoCsv : public testing::Test {
 protected:
  TelcoCsv() { std::filesystem::create_directories(folder_); }
  ~TelcoCsv() override { std::filesystem::remove_all(folder_); }
  std::string write(const TelcoOptions& options) {
    const auto path = folder_ / "telco.csv";
    EXPECT_TRUE(write_telco_csv(options, path));
    return *core::read_file(path);
  }
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("telco_csv_" + core::random_hex_id());
};

TEST_F(TelcoCsv, HoldsTheSameValuesAsTheTable) {
  const TelcoOptions options{.rows = 3'000, .seed = 11, .noise = 0};
  std::istringstream lines(write(options));
  const Table table = *generate_telco(options);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line.substr(0, 40), "customerID,gender,SeniorCitizen,Partner,");
  std::size_t row = 0;
  std::size_t blanks = 0;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string field;
    for (const Column& column : table.columns) {
      ASSERT_TRUE(std::getline(fields, field, ','));
      if (column.type == ColumnType::kNumber && column.is_null(row)) {
        EXPECT_EQ(field, " ");
        ++blanks;
      } else if (column.type == ColumnType::kNumber) {
        EXPECT_EQ(std::stod(field), column.number(row));
      } else {
        EXPECT_EQ(field, column.display(row));
      }
    }
    EXPECT_FALSE(std::getline(fields, field, ','));
    ++row;
  }
  EXPECT_EQ(row, 3'000U);
  EXPECT_GT(blanks, 0U);
}

TEST_F(TelcoCsv, WritesMoneyAsThePublicFileDoes) {
  std::istringstream lines(write({.rows = 3'000, .seed = 2, .noise = 0}));
  std::string line;
  std::getline(lines, line);
  // "29.85", "1889.5", "84", or a blank: no trailing zero after the point.
  const std::regex money("([0-9]+(\\.[0-9]?[1-9])?| )");
  while (std::getline(lines, line)) {
    EXPECT_EQ(line.find('\r'), std::string::npos);
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 21U);
    EXPECT_TRUE(std::regex_match(fields[18], money)) << fields[18];
    EXPECT_TRUE(std::regex_match(fields[19], money)) << fields[19];
  }
}

TEST_F(TelcoCsv, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const std::string first = write({.rows = 200, .seed = 4, .noise = 0});
  EXPECT_EQ(first, write({.rows = 200, .seed = 4, .noise = 0}));
  EXPECT_NE(first, write({.rows = 200, .seed = 5, .noise = 0}));
  EXPECT_EQ(write({.rows = 300, .seed = 4, .noise = 0}).substr(0, first.size()), first);
}

TEST_F(TelcoCsv, LeavesNothingBehindWhenItCannotWrite) {
  std::filesystem::create_directories(folder_ / "taken");
  const auto written = write_telco_csv({.rows = 10, .seed = 1, .noise = 0}, folder_ / "taken");
  EXPECT_FALSE(written);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST(TelcoGenerator, RefusesImpossibleOptions) {
  for (const TelcoOptions& options :
       {TelcoOptions{.rows = 0}, TelcoOptions{.rows = -5}, TelcoOptions{.rows = 200'000'000'000},
        TelcoOptions{.rows = 10, .noise = -1}, TelcoOptions{.rows = 10, .noise = std::nan("")}}) {
    const auto table = generate_telco(options);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code, core::ErrorCode::kInvalidArgument) << table.error().message;
  }
}

}  // namespace
}  // namespace tenure::data
