"""Files that people attach, as text: office documents and PDF, within bounds."""
