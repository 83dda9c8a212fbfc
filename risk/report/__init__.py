"""The site report by month: facts of one site, told in English or Chinese, as a page and as a PDF."""
