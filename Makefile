.DEFAULT_GOAL := help
.PHONY: help setup demo test check practice bench chaos lock

BIN := .venv/bin

help: ## 显示本帮助
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## 建立 .venv（含 .venv/bin/wgg），缺什么装什么
	@./setup.sh

demo: setup ## 跑一遍完整业务：申请、开立、发票、核验、支付、返还；KEEP=1 保留运行
	@$(BIN)/wgg demo $(if $(KEEP),--keep)

test: setup ## 全部测试（真实 PostgreSQL 与 RabbitMQ，没有就装上）
	@$(BIN)/python -m tests.harness.services -- $(BIN)/python -m pytest -q -n 2 --dist loadscope

check: setup ## 静态检查：格式、规则、类型、分层
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

practice: setup ## 一致性测试全套：各类模拟机构推送、拉取各一遍，打印用时
	@$(BIN)/python -m tests.conformance.timed

bench: setup ## 基准测试，打印对照表
	@$(BIN)/python -m tests.harness.services -- $(BIN)/python -m bench

chaos: setup ## 在负载下逐项杀掉一切并核对账本；N=200000 指定份数，DOCS=1 把结果写入 docs/reliability.md
	@$(BIN)/python -m tests.chaos --count $(or $(N),20000) --report build/chaos-report.json $(if $(DOCS),--docs)

lock: setup ## 由 pyproject.toml 重新锁定依赖
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group dev pyproject.toml --output-file requirements.lock
	@sed -i '1i # Every package of the gateway and its tests, exact and by hash. Made by `make lock` from pyproject.toml.' \
		requirements.lock
