-- Run once, when the server makes its data: the account may do everything with Hypercolumn's schemas, and nothing else.
GRANT ALL ON `hypercolumn\_%`.* TO 'hypercolumn'@'%';
